// Pictures of characters: each character is a class, and each font face gives one example of it. The task is few-shot
// recognition of characters, as with Omniglot (Lake et al. 2015), but with fonts that Debian packages.
#ifndef DATASETS_SOURCES_IMAGES_GLYPHS_H_
#define DATASETS_SOURCES_IMAGES_GLYPHS_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Without a path, the 21 faces of fonts-dejavu-core and fonts-dejavu-extra and the 12 of fonts-freefont-ttf, which
// have the same bytes in Debian 12 and 13. A label is, for example, "U+0041", and its name "LATIN CAPITAL LETTER A". A
// face that lacks a character gives no example of it. Of letters that look the same in two scripts, only one is a
// class.
//
// The published split "scripts": Latin, Greek and Cyrillic letters are for training, Georgian ones for validation,
// Armenian and Hebrew ones for test.
SourceInfo GlyphsSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_IMAGES_GLYPHS_H_

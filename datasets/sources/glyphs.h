// Pictures of characters: each character is a class, and each font face gives one example of it. Few-shot recognition
// of characters in the manner of Omniglot (Lake et al. 2015), with fonts that Debian installs.
#ifndef DATASETS_SOURCES_GLYPHS_H_
#define DATASETS_SOURCES_GLYPHS_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Without a path, the 21 faces of fonts-dejavu-core and fonts-dejavu-extra and the 12 of fonts-freefont-ttf, which
// have the same bytes in Debian 12 and 13. A label is "U+0041", a name "LATIN CAPITAL LETTER A". A face that lacks a
// character gives no example of it. Letters of two scripts that look the same are there once.
//
// The published split "scripts": Latin, Greek and Cyrillic letters are for training, Georgian ones for validation,
// Armenian and Hebrew ones for test.
SourceInfo GlyphsSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_GLYPHS_H_

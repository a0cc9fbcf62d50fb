// Reuters-21578: the SGML distribution (Lewis 1997), or a part of it as Bao et al. (2020) prepared it.
#ifndef DATASETS_SOURCES_REUTERS_H_
#define DATASETS_SOURCES_REUTERS_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Of the distribution, only the documents with exactly one topic are used; the topic is the label. The text is title
// and body, without the "Reuter" at the end of most bodies. The labels of the prepared file are replaced by the topics
// that they stand for.
SourceInfo ReutersSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_REUTERS_H_

// FewRel (Han et al. 2018): sentences, and the relation between two entities in each.
#ifndef DATASETS_SOURCES_FEWREL_H_
#define DATASETS_SOURCES_FEWREL_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Each file is one JSON object: relation -> list of {tokens, h, t}, where h and t are lists that begin with the name of
// the entity. The labels are the relations; their names are in the source's `names` file, if it has one. Memory: a file
// is parsed as a whole, which takes about ten times its size.
SourceInfo FewRelSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_FEWREL_H_

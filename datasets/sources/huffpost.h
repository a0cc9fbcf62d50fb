// HuffPost headlines: the News Category Dataset (Misra 2022), or a part of it as Bao et al. (2020) prepared it.
#ifndef DATASETS_SOURCES_HUFFPOST_H_
#define DATASETS_SOURCES_HUFFPOST_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Each line is one JSON object with `category`, `headline` and `short_description`, or, in the prepared file, with
// `label` in place of `category`. The labels are the categories in both.
SourceInfo HuffPostSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_HUFFPOST_H_

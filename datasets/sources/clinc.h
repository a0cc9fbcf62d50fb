// Clinc150 (Larson et al. 2019): intents in ten domains, with the published split of texts.
#ifndef DATASETS_SOURCES_CLINC_H_
#define DATASETS_SOURCES_CLINC_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Reads data_full.json: one object whose fields `train`, `val` and `test` are lists of [text, label]. Its other fields,
// which have the out-of-scope texts, are not read. A spec must give a class split.
SourceInfo ClincSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_CLINC_H_

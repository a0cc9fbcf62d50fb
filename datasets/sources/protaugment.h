// Intent data in the layout of ProtAugment (Dopierre et al. 2021): Banking77, HWU64, Clinc150, Liu.
#ifndef DATASETS_SOURCES_PROTAUGMENT_H_
#define DATASETS_SOURCES_PROTAUGMENT_H_

#include "datasets/sources/source_info.h"

namespace metaprompt {

// Reads full.jsonl of the folder: each line is one JSON object with `sentence` and `label`. The published split
// "fold01" is in few_shot/01 of the folder: labels.train.txt, labels.valid.txt and labels.test.txt. The error for an
// unknown fold lists the folds of the folder.
SourceInfo ProtAugmentSourceInfo();

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_PROTAUGMENT_H_

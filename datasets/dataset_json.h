// The output of `metaprompt datasets` as JSON, for other programs.
#ifndef DATASETS_DATASET_JSON_H_
#define DATASETS_DATASET_JSON_H_

#include <string>

#include "datasets/dataset.h"

namespace metaprompt {

// One object and a line end: the counts, the split and the hash as in StatsText, and for each class its number of texts
// and their lengths in words.
std::string StatsJson(const Dataset& dataset);

// The lines of ExportText as objects with split, label, name and text, one per line.
std::string ExportJson(const Dataset& dataset);

}  // namespace metaprompt

#endif  // DATASETS_DATASET_JSON_H_

// What `metaprompt datasets` prints, as JSON for other programs.
#ifndef DATASETS_DATASET_JSON_H_
#define DATASETS_DATASET_JSON_H_

#include <string>

#include "datasets/dataset.h"

namespace metaprompt {

// Counts, the split and the hash as in StatsText, and of each class its texts and their words, as one object and a line
// end.
std::string StatsJson(const Dataset& dataset);

// The lines of ExportText as objects with split, label, name and text, one per line.
std::string ExportJson(const Dataset& dataset);

}  // namespace metaprompt

#endif  // DATASETS_DATASET_JSON_H_

// Loads the data set that a spec describes.
#ifndef DATASETS_SOURCES_LOAD_DATASET_H_
#define DATASETS_SOURCES_LOAD_DATASET_H_

#include "absl/status/statusor.h"
#include "datasets/dataset.h"
#include "datasets/dataset.pb.h"

namespace metaprompt {

// Reads the source that `spec` names, checks it against its public distributions, applies the class split and drops
// duplicates: of equal texts in one class, only the first is kept. If `spec` has no split, the source's first published
// split is applied. An error names the file and the line: `train.tsv:17: no tab between label and text`.
absl::StatusOr<Dataset> LoadDataset(const DatasetSpec& spec);

// The same without a class split: all classes of the source are in Split::kTrain, and `spec.split` is not used.
absl::StatusOr<Dataset> LoadAllClasses(const DatasetSpec& spec);

}  // namespace metaprompt

#endif  // DATASETS_SOURCES_LOAD_DATASET_H_

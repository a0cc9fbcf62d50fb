// Which labels train, validate and test, and what their classes are called.
#ifndef DATASETS_SPLITS_CLASS_SPLIT_H_
#define DATASETS_SPLITS_CLASS_SPLIT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/splits/split.h"

namespace metaprompt {

struct ClassPlace {
  std::string name;
  Split split = Split::kTrain;
};

// From label to place. A label that is not in it is not used.
using ClassPlaces = std::map<std::string, ClassPlace>;

// Applies `spec` to the labels of the data, which are unique and in byte order. Every label that the spec names must be
// among them, and every side must get a class. Names are those of the split file, or come from DefaultName. Not for
// published splits, which depend on the source.
absl::StatusOr<ClassPlaces> SplitClasses(const ClassSplit& spec, const std::vector<std::string>& labels);

// OK if train, valid and test have a class each; `where` names the split in the error.
absl::Status CheckSides(const ClassPlaces& places, absl::string_view where);

// "graphic-arts" is "graphic arts"; so are "graphic_arts" and "graphic/arts".
std::string DefaultName(absl::string_view label);

}  // namespace metaprompt

#endif  // DATASETS_SPLITS_CLASS_SPLIT_H_

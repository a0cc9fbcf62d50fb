// Which classes are for training, validation and test, and their names.
#ifndef DATASETS_SPLITS_CLASS_SPLIT_H_
#define DATASETS_SPLITS_CLASS_SPLIT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/split.h"

namespace metaprompt {

struct ClassPlace {
  std::string name;
  Split split = Split::kTrain;
};

// From label to place. Texts of other labels are not used.
using ClassPlaces = std::map<std::string, ClassPlace>;

// Applies `spec` to the labels of the data, which are unique and in byte order. The data must have every label that the
// spec names, and every side must get a class. Names come from the split file or from DefaultName. A published split is
// an error here, because it depends on the source.
absl::StatusOr<ClassPlaces> SplitClasses(const ClassSplit& spec, const std::vector<std::string>& labels);

// OK if each of train, valid and test has a class; `where` is the name of the split in the error.
absl::Status CheckSides(const ClassPlaces& places, absl::string_view where);

// The label with blanks in place of -, _ and /: "graphic-arts" becomes "graphic arts".
std::string DefaultName(absl::string_view label);

}  // namespace metaprompt

#endif  // DATASETS_SPLITS_CLASS_SPLIT_H_

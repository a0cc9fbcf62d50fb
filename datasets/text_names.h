// The names of the texts of an example.
#ifndef DATASETS_TEXT_NAMES_H_
#define DATASETS_TEXT_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "datasets/dataset.pb.h"

namespace metaprompt {

// The names by which a template refers to the texts of an example, in the order in which an example has them: "text",
// then "text_b" if the source has pairs, then the names of its further columns.
std::vector<std::string> TextNames(const DatasetSpec& spec);

// Whether the source gives images. Then the only name is "image", and there is no template.
bool HasImages(const DatasetSpec& spec);

// Checks that no name occurs twice, and that templates and outputs use none of the names for something else. The error
// names the field.
absl::Status CheckTextNames(const DatasetSpec& spec);

}  // namespace metaprompt

#endif  // DATASETS_TEXT_NAMES_H_

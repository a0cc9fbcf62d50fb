// Class splits that publications use, from a table of the data set's classes.
#ifndef DATASETS_SPLITS_PUBLISHED_SPLITS_H_
#define DATASETS_SPLITS_PUBLISHED_SPLITS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/split.h"
#include "datasets/splits/class_split.h"

namespace metaprompt {

// A class of a public data set.
struct PublicClass {
  const char* label;
  const char* name;  // what a verbalizer reads; null: RuleName(label)
  Split split;       // its side, the same in every split of the table
  // Its name in the split "metaprompting" (Hou et al. 2022, dataloader.py of their code). Null: `name`; "": the class
  // is not in that split.
  const char* metaprompting = nullptr;
};

// The splits of Bao et al. 2020 (src/dataset/loader.py of their code) and of Hou et al. 2022.
inline constexpr char kBao2020[] = "bao2020";
inline constexpr char kMetaPrompting[] = "metaprompting";

// Letters in lower case, blanks in place of _ - / and ., and no other punctuation except &: "card_arrival" is "card
// arrival", "ARTS & CULTURE" is "arts & culture", "reverted_card_payment?" is "reverted card payment".
std::string RuleName(absl::string_view label);

// The name of the class with that label: the one in `classes`, or name_of_label(label) if there is none.
std::string ClassName(absl::Span<const PublicClass> classes, absl::string_view label,
                      std::string (*name_of_label)(absl::string_view label));

// The places of `classes` in the published split `name`. The data must have all of them, unless `some_may_lack`:
// `labels` are the labels of the data, in byte order.
absl::StatusOr<ClassPlaces> PublishedSplit(absl::Span<const PublicClass> classes, absl::string_view name,
                                           const std::vector<std::string>& labels, bool some_may_lack);

// The error for a published split `name` that the source `source` (a field of DatasetSpec) lacks. It lists `names`, the
// splits that the source has.
absl::Status NoSuchSplit(absl::string_view source, absl::string_view name, const std::vector<std::string>& names);

}  // namespace metaprompt

#endif  // DATASETS_SPLITS_PUBLISHED_SPLITS_H_

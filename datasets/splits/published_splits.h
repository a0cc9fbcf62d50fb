// The class splits that published work on a source uses, by name.
#ifndef DATASETS_SPLITS_PUBLISHED_SPLITS_H_
#define DATASETS_SPLITS_PUBLISHED_SPLITS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/sources/public_classes.h"
#include "datasets/splits/class_split.h"

namespace metaprompt {

// "card_arrival" is "card arrival", "ARTS & CULTURE" is "arts & culture", "reverted_card_payment?" is "reverted card
// payment": letters lowered, _ - / and . as blanks, other marks but & taken out.
std::string RuleName(absl::string_view label);

// The classes that a source is known to have, in order of their numbers; empty where none are written down. `source` is
// its field in DatasetSpec: "huffpost".
absl::Span<const PublicClass> PublicClassesOf(absl::string_view source);

// What a class of that source is called outside of any published split.
std::string PublicName(absl::string_view source, absl::string_view label);

// The published splits of a source, the default first; empty: it has none. Those in a folder's files (the folds of
// ProtAugment) are not among them.
std::vector<std::string> PublishedSplitNames(absl::string_view source);

// The split `name`. Its classes must be among `labels`, which are in byte order, but with `some_may_lack`. The error of
// an unknown name lists the known ones.
absl::StatusOr<ClassPlaces> PublishedSplit(absl::string_view source, absl::string_view name,
                                           const std::vector<std::string>& labels, bool some_may_lack);

// The error of a split that `names` do not have.
absl::Status NoSuchSplit(absl::string_view source, absl::string_view name, const std::vector<std::string>& names);

}  // namespace metaprompt

#endif  // DATASETS_SPLITS_PUBLISHED_SPLITS_H_

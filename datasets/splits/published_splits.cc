#include "datasets/splits/published_splits.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/readers/texts_by_label.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

std::string RuleName(absl::string_view label) {
  std::string name;
  for (const char c : label) {
    if (c == '_' || c == '-' || c == '/' || c == '.') {
      name.push_back(' ');
    } else if (!absl::ascii_ispunct(static_cast<unsigned char>(c)) || c == '&') {
      name.push_back(absl::ascii_tolower(static_cast<unsigned char>(c)));
    }
  }
  name = CollapseBlanks(name);
  return name.empty() ? std::string(label) : name;
}

std::string ClassName(absl::Span<const PublicClass> classes, absl::string_view label,
                      std::string (*name_of_label)(absl::string_view label)) {
  for (const PublicClass& one : classes) {
    if (one.label == label && one.name != nullptr) {
      return one.name;
    }
  }
  return name_of_label(label);
}

absl::StatusOr<ClassPlaces> PublishedSplit(absl::Span<const PublicClass> classes, absl::string_view name,
                                           const std::vector<std::string>& labels, bool some_may_lack) {
  ClassPlaces places;
  std::vector<std::string> lacking;
  for (const PublicClass& one : classes) {
    const char* const special_name = name == kMetaPrompting ? one.metaprompting : nullptr;
    if (special_name != nullptr && *special_name == '\0') {
      continue;  // not in this split
    }
    if (!std::binary_search(labels.begin(), labels.end(), one.label)) {
      lacking.push_back(Quoted(one.label));
      continue;
    }
    places[one.label] = {special_name != nullptr ? special_name : ClassName(classes, one.label, RuleName), one.split};
  }
  if (!lacking.empty() && !some_may_lack) {
    return absl::InvalidArgumentError(absl::StrCat("the split ", name,
                                                   " has classes that the data lacks: ", absl::StrJoin(lacking, ", "),
                                                   "; dataset.allow_other_counts: true leaves them out of it"));
  }
  RETURN_IF_ERROR(CheckSides(places, absl::StrCat("the split ", name, ", in this data")));
  return places;
}

absl::Status NoSuchSplit(absl::string_view source, absl::string_view name, const std::vector<std::string>& names) {
  return absl::InvalidArgumentError(absl::StrCat(
      "dataset.split.published is ", Quoted(name), "; for the ", source, " source ",
      names.empty() ? "no split is published: give lists (the classes by label), shares (drawn with a seed) or file"
                    : absl::StrCat(names.size() == 1 ? "there is only " : "there are ", absl::StrJoin(names, ", "))));
}

}  // namespace metaprompt

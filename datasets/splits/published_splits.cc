#include "datasets/splits/published_splits.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/debian_classes.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr char kBao[] = "bao2020";
constexpr char kMetaPrompting[] = "metaprompting";

// Label, name and side of every class of the split, whatever the data has.
std::vector<std::pair<std::string, ClassPlace>> Classes(absl::string_view source, absl::string_view name) {
  std::vector<std::pair<std::string, ClassPlace>> classes;
  if (source == "debian") {
    for (const DebianClass& one : kDebianClasses) {
      classes.push_back({one.section, {one.name, one.split}});
    }
  }
  for (const PublicClass& one : PublicClassesOf(source)) {
    const bool own_name = name == kMetaPrompting && one.metaprompting != nullptr;
    if (!own_name || *one.metaprompting != '\0') {
      classes.push_back({one.label, {own_name ? one.metaprompting : PublicName(source, one.label), one.split}});
    }
  }
  return classes;
}

}  // namespace

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

absl::Span<const PublicClass> PublicClassesOf(absl::string_view source) {
  return source == "huffpost"     ? absl::MakeConstSpan(kHuffPostClasses)
         : source == "reuters"    ? absl::MakeConstSpan(kReutersClasses)
         : source == "newsgroups" ? absl::MakeConstSpan(kNewsgroupsClasses)
         : source == "amazon"     ? absl::MakeConstSpan(kAmazonClasses)
                                  : absl::Span<const PublicClass>();
}

std::string PublicName(absl::string_view source, absl::string_view label) {
  if (source == "debian") {
    for (const DebianClass& one : kDebianClasses) {
      if (one.section == label) {
        return one.name;
      }
    }
    return DefaultName(label);
  }
  for (const PublicClass& one : PublicClassesOf(source)) {
    if (one.label == label && one.name != nullptr) {
      return one.name;
    }
  }
  return RuleName(label);
}

std::vector<std::string> PublishedSplitNames(absl::string_view source) {
  if (source == "debian") {
    return {"debian"};
  }
  return PublicClassesOf(source).empty() ? std::vector<std::string>() : std::vector<std::string>{kBao, kMetaPrompting};
}

absl::Status NoSuchSplit(absl::string_view source, absl::string_view name, const std::vector<std::string>& names) {
  return absl::InvalidArgumentError(absl::StrCat(
      "dataset.split.published is ", Quoted(name), "; for the ", source, " source ",
      names.empty() ? "no split is published: give lists (the classes by name), shares (drawn with a seed) or file"
                    : absl::StrCat(names.size() == 1 ? "there is only " : "there are ", absl::StrJoin(names, ", "))));
}

absl::StatusOr<ClassPlaces> PublishedSplit(absl::string_view source, absl::string_view name,
                                           const std::vector<std::string>& labels, bool some_may_lack) {
  const std::vector<std::string> names = PublishedSplitNames(source);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    return NoSuchSplit(source, name, names);
  }
  ClassPlaces places;
  std::vector<std::string> lacking;
  for (auto& [label, place] : Classes(source, name)) {
    if (std::binary_search(labels.begin(), labels.end(), label)) {
      places[label] = std::move(place);
    } else {
      lacking.push_back(Quoted(label));
    }
  }
  if (!lacking.empty() && !some_may_lack) {
    return absl::InvalidArgumentError(absl::StrCat("the split ", name,
                                                   " has classes that the data lacks: ", absl::StrJoin(lacking, ", "),
                                                   "; dataset.allow_other_counts: true leaves them out of it"));
  }
  if (absl::Status status = CheckSides(places, absl::StrCat("the split ", name, ", in this data")); !status.ok()) {
    return status;
  }
  return places;
}

}  // namespace metaprompt

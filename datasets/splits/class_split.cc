#include "datasets/splits/class_split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "datasets/readers/lines.h"
#include "datasets/readers/texts_by_label.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr char kLists[] = "dataset.split.lists";
constexpr char kShares[] = "dataset.split.shares";

bool Has(const std::vector<std::string>& labels, const std::string& label) {
  return std::binary_search(labels.begin(), labels.end(), label);
}

std::string NoTextHas(const std::string& label, const std::vector<std::string>& labels) {
  constexpr size_t kMost = 10;
  const size_t shown = std::min(labels.size(), kMost);
  return absl::StrCat("no text has the label ", Quoted(label), "; the data's labels are ",
                      absl::StrJoin(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(shown), ", "),
                      shown < labels.size() ? absl::StrCat(" and ", labels.size() - shown, " more") : "");
}

absl::StatusOr<ClassPlaces> FromLists(const ClassLists& lists, const std::vector<std::string>& labels) {
  ClassPlaces places;
  for (const Split split : kSplits) {
    const auto& listed = split == Split::kTrain ? lists.train() : split == Split::kValid ? lists.valid() : lists.test();
    for (const std::string& label : listed) {
      const auto [place, is_new] = places.try_emplace(label, ClassPlace{DefaultName(label), split});
      if (!is_new) {
        const Split first = place->second.split;
        return absl::InvalidArgumentError(
            absl::StrCat(kLists, ": ", Quoted(label), " is listed ",
                         first == split ? absl::StrCat("twice in ", SplitName(split))
                                        : absl::StrCat("in ", SplitName(first), " and in ", SplitName(split))));
      }
      if (!Has(labels, label)) {
        return absl::InvalidArgumentError(absl::StrCat(kLists, ".", SplitName(split), ": ", NoTextHas(label, labels)));
      }
    }
  }
  RETURN_IF_ERROR(CheckSides(places, kLists));
  return places;
}

absl::StatusOr<ClassPlaces> FromShares(const ClassShares& shares, const std::vector<std::string>& labels) {
  // Written so that NaN fails the check. The slack is for sums such as 0.7 + 0.3, which may round to less than 1.
  if (!(shares.train() > 0 && shares.valid() > 0 && shares.train() + shares.valid() < 1 - 1e-9)) {
    return absl::InvalidArgumentError(
        absl::StrCat(kShares, ": train is ", shares.train(), " and valid ", shares.valid(),
                     "; both must be > 0 and their sum < 1, because meta-test gets the rest"));
  }
  if (labels.size() < kSplits.size()) {
    return absl::InvalidArgumentError(absl::StrCat(kShares, ": the data has ", labels.size(), " label",
                                                   labels.size() == 1 ? "" : "s",
                                                   "; train, valid and test need one each"));
  }
  // Rounded to whole numbers, but at least one class per side. If no class is left for test, one is taken from the
  // larger of the other two.
  const auto nearest = [&](double share) {
    return std::max<size_t>(1, static_cast<size_t>(std::lround(share * static_cast<double>(labels.size()))));
  };
  size_t train = nearest(shares.train());
  size_t valid = nearest(shares.valid());
  while (train + valid >= labels.size()) {
    --(train >= valid ? train : valid);
  }
  std::vector<std::string> drawn = labels;
  Random random(SubSeed(shares.seed(), "class split"));
  random.PartialShuffle(drawn.size(), &drawn);
  ClassPlaces places;
  for (size_t i = 0; i < drawn.size(); ++i) {
    const Split split = i < train ? Split::kTrain : i < train + valid ? Split::kValid : Split::kTest;
    places[drawn[i]] = {DefaultName(drawn[i]), split};
  }
  return places;
}

absl::StatusOr<ClassPlaces> FromFile(const std::string& path, const std::vector<std::string>& labels) {
  ASSIGN_OR_RETURN(const std::string file, ReadFile(path));
  ClassPlaces places;
  Lines lines(file, path);
  while (lines.Next()) {
    if (lines.line().empty()) {
      continue;
    }
    const std::vector<absl::string_view> columns = absl::StrSplit(lines.line(), '\t');
    if (columns.size() != 3) {
      return lines.Error(absl::StrCat(columns.size(), columns.size() == 1 ? " column" : " columns",
                                      "; expected three, with tabs between them: label, name, split"));
    }
    std::string label = CollapseBlanks(columns[0]);
    std::string name = CollapseBlanks(columns[1]);
    if (label.empty() || name.empty()) {
      return lines.Error(label.empty() ? "empty label" : "empty name");
    }
    const std::string side = CollapseBlanks(columns[2]);
    const Split* split = std::find_if(kSplits.begin(), kSplits.end(), [&](Split s) { return side == SplitName(s); });
    if (split == kSplits.end()) {
      return lines.Error(absl::StrCat("unknown split ", Quoted(side), "; it is train, valid or test"));
    }
    if (!Has(labels, label)) {
      return lines.Error(NoTextHas(label, labels));
    }
    if (places.count(label) > 0) {
      return lines.Error(absl::StrCat(Quoted(label), " is already in ", SplitName(places[label].split)));
    }
    places[std::move(label)] = {std::move(name), *split};
  }
  RETURN_IF_ERROR(lines.status());
  RETURN_IF_ERROR(CheckSides(places, path));
  return places;
}

}  // namespace

absl::StatusOr<ClassPlaces> SplitClasses(const ClassSplit& spec, const std::vector<std::string>& labels) {
  switch (spec.how_case()) {
    case ClassSplit::kLists:
      return FromLists(spec.lists(), labels);
    case ClassSplit::kShares:
      return FromShares(spec.shares(), labels);
    case ClassSplit::kFile:
      return FromFile(spec.file(), labels);
    case ClassSplit::kPublished:  // see published_splits.h
    case ClassSplit::HOW_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "dataset.split must be set: lists (the classes by label), shares (drawn with a seed) or file "
      "(label<TAB>name<TAB>split lines)");
}

absl::Status CheckSides(const ClassPlaces& places, absl::string_view where) {
  for (const Split split : kSplits) {
    if (std::none_of(places.begin(), places.end(), [&](const auto& p) { return p.second.split == split; })) {
      return absl::InvalidArgumentError(absl::StrCat(where, ": ", SplitName(split), " has no class"));
    }
  }
  return absl::OkStatus();
}

std::string DefaultName(absl::string_view label) {
  std::string name = CollapseBlanks(absl::StrReplaceAll(label, {{"-", " "}, {"_", " "}, {"/", " "}}));
  return name.empty() ? std::string(label) : name;
}

}  // namespace metaprompt

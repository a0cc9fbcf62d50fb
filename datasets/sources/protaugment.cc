#include "datasets/sources/protaugment.h"

#include <algorithm>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.pb.h"
#include "datasets/readers/jsonl.h"
#include "datasets/readers/lines.h"
#include "datasets/readers/texts_by_label.h"
#include "datasets/sources/distribution.h"
#include "datasets/split.h"
#include "datasets/splits/class_split.h"
#include "datasets/splits/published_splits.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr Distribution kDistributions[] = {
    {"Banking77", 77, 13083},
    {"HWU64", 64, 11036},
    {"Clinc150", 150, 22500},
    {"Liu", 54, 25478},
};

constexpr char kFold[] = "fold";

std::vector<std::string> FoldsOf(const std::string& folder) {
  std::vector<std::string> folds;
  std::error_code error;
  std::filesystem::directory_iterator it(absl::StrCat(folder, "/few_shot"), error);
  for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
    folds.push_back(absl::StrCat(kFold, it->path().filename().string()));
  }
  std::sort(folds.begin(), folds.end());
  return folds;
}

absl::StatusOr<Imported> LoadProtAugment(const ProtAugmentSource& source, const ImportOptions& options) {
  JsonlSource file;
  file.set_path(absl::StrCat(source.path(), "/full.jsonl"));
  file.set_text_field("sentence");
  return LoadJsonl(file, options);
}

// Adds the classes of one part of a fold, which the file `path` lists.
absl::Status AddSide(const std::string& path, Split split, const std::vector<std::string>& labels, bool some_may_lack,
                     ClassPlaces* places) {
  ASSIGN_OR_RETURN(const std::string file, ReadFile(path));
  Lines lines(file, path);
  while (lines.Next()) {
    std::string label = CollapseBlanks(lines.line());
    if (label.empty()) {
      continue;
    }
    if (!std::binary_search(labels.begin(), labels.end(), label)) {
      if (some_may_lack) {
        continue;
      }
      return lines.Error(absl::StrCat("no text has the label ", Quoted(label)));
    }
    const auto [place, is_new] = places->try_emplace(label, ClassPlace{RuleName(label), split});
    if (!is_new) {
      return lines.Error(absl::StrCat(Quoted(label), " is already in ", SplitName(place->second.split)));
    }
  }
  return lines.status();
}

absl::StatusOr<ClassPlaces> FoldPlaces(const std::string& folder, absl::string_view fold,
                                       const std::vector<std::string>& labels, bool some_may_lack) {
  const std::vector<std::string> folds = FoldsOf(folder);
  if (std::find(folds.begin(), folds.end(), fold) == folds.end()) {
    return NoSuchSplit("protaugment", fold, folds);
  }
  const std::string fold_folder = absl::StrCat(folder, "/few_shot/", fold.substr(sizeof(kFold) - 1));
  ClassPlaces places;
  for (const Split split : kSplits) {
    RETURN_IF_ERROR(AddSide(absl::StrCat(fold_folder, "/labels.", SplitName(split), ".txt"), split, labels,
                            some_may_lack, &places));
  }
  RETURN_IF_ERROR(CheckSides(places, fold_folder));
  return places;
}

}  // namespace

SourceInfo ProtAugmentSourceInfo() {
  SourceInfo info = SourceReadBy(LoadProtAugment);
  info.distributions = kDistributions;
  info.splits = {"fold01"};
  info.name_of_label = RuleName;
  info.read_split = [](const google::protobuf::Message& source, absl::string_view name,
                       const std::vector<std::string>& labels, bool some_may_lack) {
    return FoldPlaces(static_cast<const ProtAugmentSource&>(source).path(), name, labels, some_may_lack);
  };
  return info;
}

}  // namespace metaprompt

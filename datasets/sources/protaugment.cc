#include "datasets/sources/protaugment.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/jsonl.h"
#include "datasets/readers/lines.h"
#include "datasets/splits/published_splits.h"
#include "datasets/splits/split.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

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

}  // namespace

absl::StatusOr<Imported> LoadProtAugment(const ProtAugmentSource& source, const ImportOptions& options) {
  JsonlSource file;
  file.set_path(absl::StrCat(source.path(), "/full.jsonl"));
  file.set_text_field("sentence");
  return LoadJsonl(file, options);
}

absl::StatusOr<ClassPlaces> FoldPlaces(const std::string& folder, absl::string_view fold,
                                       const std::vector<std::string>& labels, bool some_may_lack) {
  const std::vector<std::string> folds = FoldsOf(folder);
  if (std::find(folds.begin(), folds.end(), fold) == folds.end()) {
    return NoSuchSplit("protaugment", fold, folds);
  }
  const std::string its_folder = absl::StrCat(folder, "/few_shot/", fold.substr(sizeof(kFold) - 1));
  ClassPlaces places;
  for (const Split split : kSplits) {
    const std::string path = absl::StrCat(its_folder, "/labels.", SplitName(split), ".txt");
    const absl::StatusOr<std::string> file = ReadFile(path);
    if (!file.ok()) {
      return file.status();
    }
    Lines lines(*file, path);
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
      const auto [place, is_new] = places.try_emplace(label, ClassPlace{RuleName(label), split});
      if (!is_new) {
        return lines.Error(absl::StrCat(Quoted(label), " is already in ", SplitName(place->second.split)));
      }
    }
    if (!lines.status().ok()) {
      return lines.status();
    }
  }
  if (absl::Status status = CheckSides(places, its_folder); !status.ok()) {
    return status;
  }
  return places;
}

}  // namespace metaprompt

#include "datasets/sources/amazon.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/file_lines.h"
#include "datasets/readers/json_fields.h"
#include "datasets/readers/source_files.h"
#include "datasets/sources/prepared.h"
#include "datasets/sources/public_classes.h"
#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

// "reviews_Baby_5.json.gz" is "Baby".
std::string CategoryOf(absl::string_view file) {
  file = file.substr(0, file.rfind(".json"));
  absl::ConsumePrefix(&file, "reviews_");
  absl::ConsumeSuffix(&file, "_5");
  return std::string(file);
}

// The review's text, perhaps an empty one: some have none.
absl::StatusOr<std::string> ReviewText(absl::string_view line, const ImportOptions& options) {
  const absl::StatusOr<nlohmann::json> object = ParseObject(line);
  if (!object.ok()) {
    return object.status();
  }
  const auto text = object->find("reviewText");
  return text == object->end() ? std::string() : TextIn(*text, "reviewText", options.max_words);
}

// Lines drawn without replacement (Vitter 1985, algorithm R), in the file's order.
absl::Status SampleFile(const std::string& path, const std::string& label, const AmazonSource& source,
                        const ImportOptions& options, BadLines* bad, Imported* imported) {
  Random random(SubSeed(source.seed(), absl::StrCat("amazon/", label)));
  const auto most = static_cast<uint64_t>(source.max_texts());
  std::vector<std::pair<uint64_t, std::string>> drawn;  // the line's place, its text
  uint64_t seen = 0;
  absl::Status status = ForEachLine(path, bad, [&](absl::string_view line) {
    const uint64_t place = seen++;
    const uint64_t slot = most == 0 || place < most ? drawn.size() : random.Below(place + 1);
    if (slot > drawn.size() || (slot == drawn.size() && most > 0 && drawn.size() == most)) {
      return absl::OkStatus();
    }
    absl::StatusOr<std::string> text = ReviewText(line, options);
    if (!text.ok()) {
      return text.status();
    }
    if (slot == drawn.size()) {
      drawn.emplace_back();
    }
    drawn[slot] = {place, *std::move(text)};
    return absl::OkStatus();
  });
  std::sort(drawn.begin(), drawn.end());
  for (auto& [place, text] : drawn) {
    imported->Add(label, std::move(text));
  }
  return status;
}

}  // namespace

absl::StatusOr<Imported> LoadAmazon(const AmazonSource& source, const ImportOptions& options) {
  if (!IsFolder(source.path())) {
    return LoadPrepared(source.path(), kAmazonClasses, options);
  }
  const absl::StatusOr<std::vector<std::string>> files = FilesBelow(source.path());
  if (!files.ok()) {
    return files.status();
  }
  Imported imported;
  BadLines bad;
  for (const std::string& file : *files) {
    if (IsPrepared(file)) {
      const absl::Status status =
          SampleFile(absl::StrCat(source.path(), "/", file), CategoryOf(file.substr(file.rfind('/') + 1)), source,
                     options, &bad, &imported);
      if (!status.ok()) {
        return status;
      }
    }
  }
  if (absl::Status status = imported.Finish(bad, options, absl::StrCat(source.path(), " (its *.json)")); !status.ok()) {
    return status;
  }
  return imported;
}

}  // namespace metaprompt

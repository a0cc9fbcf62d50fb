#include "datasets/dataset_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/example_texts.h"

namespace metaprompt {

std::string StatsJson(const Dataset& dataset) {
  nlohmann::ordered_json object = {{"name", dataset.name},
                                   {"distribution", dataset.distribution},
                                   {"split", dataset.split_name},
                                   {"texts", dataset.NumTexts()},
                                   {"dropped_duplicates", dataset.dropped_duplicates},
                                   {"unused_texts", dataset.unused_texts},
                                   {"empty_texts", dataset.empty_texts},
                                   {"skipped_bad_lines", dataset.skipped_bad_lines},
                                   {"sha256", ContentSha256(dataset)},
                                   {"classes", nlohmann::ordered_json::array()}};
  if (dataset.text_names.size() > 1) {
    object["texts_per_example"] = dataset.text_names;
  }
  if (dataset.images.has_value()) {
    object["image_shape"] = {dataset.images->channels, dataset.images->height, dataset.images->width};
  }
  for (const TextClass& one : dataset.classes) {
    if (dataset.images.has_value()) {
      object["classes"].push_back(
          {{"split", SplitName(one.split)}, {"label", one.label}, {"name", one.name}, {"images", one.texts.size()}});
      continue;
    }
    int64_t words = 0;
    int64_t longest = 0;
    for (const std::string& text : one.texts) {
      const int64_t of_text = 1 + std::count_if(text.begin(), text.end(), [](char c) { return c == ' ' || c == '\t'; });
      words += of_text;
      longest = std::max(longest, of_text);
    }
    const auto texts = static_cast<int64_t>(one.texts.size());
    object["classes"].push_back(
        {{"split", SplitName(one.split)},
         {"label", one.label},
         {"name", one.name},
         {"texts", texts},
         {"mean_words", texts == 0 ? 0 : static_cast<double>(words) / static_cast<double>(texts)},
         {"max_words", longest}});
  }
  return object.dump() + "\n";
}

std::string ExportJson(const Dataset& dataset) {
  std::string lines;
  for (const TextClass& one : dataset.classes) {
    for (const std::string& text : one.texts) {
      nlohmann::ordered_json object = {{"split", SplitName(one.split)}, {"label", one.label}, {"name", one.name}};
      if (dataset.images.has_value()) {
        object["image"] = absl::BytesToHexString(text);
        lines += object.dump() + "\n";
        continue;
      }
      const std::vector<absl::string_view> texts = SplitTexts(text);
      for (size_t i = 0; i < texts.size(); ++i) {
        object[dataset.text_names[i]] = std::string(texts[i]);
      }
      lines += object.dump() + "\n";
    }
  }
  return lines;
}

}  // namespace metaprompt

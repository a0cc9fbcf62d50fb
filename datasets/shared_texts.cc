#include "datasets/shared_texts.h"

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace metaprompt {

void FindSharedTexts(Dataset* dataset) {
  std::unordered_map<std::string_view, size_t> first_class;  // the first class that has the text
  std::unordered_map<std::string_view, int64_t> number;      // of a text that several classes have
  for (size_t c = 0; c < dataset->classes.size(); ++c) {
    for (const std::string& text : dataset->classes[c].texts) {
      const auto [found, is_new] = first_class.try_emplace(text, c);
      if (!is_new && found->second != c) {
        number.try_emplace(text, static_cast<int64_t>(number.size()));
      }
    }
  }
  dataset->shared_texts.assign(number.size(), {});
  for (size_t c = 0; c < dataset->classes.size(); ++c) {
    TextClass& one = dataset->classes[c];
    one.shared.clear();
    for (size_t i = 0; i < one.texts.size() && !number.empty(); ++i) {
      const auto found = number.find(one.texts[i]);
      if (found == number.end()) {
        continue;
      }
      one.shared[static_cast<int64_t>(i)] = found->second;
      std::vector<size_t>& classes = dataset->shared_texts[static_cast<size_t>(found->second)];
      if (classes.empty() || classes.back() != c) {
        classes.push_back(c);
      }
    }
  }
}

}  // namespace metaprompt

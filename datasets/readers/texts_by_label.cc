#include "datasets/readers/texts_by_label.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/example_texts.h"

namespace metaprompt {

std::string CollapseBlanks(absl::string_view text) { return CollapseBlanks(text, 0); }

std::string CollapseBlanks(absl::string_view text, int64_t max_words) {
  std::string out;
  if (max_words == 0) {
    out.reserve(text.size());
  }
  bool blank_before = false;
  int64_t words = 1;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte == 0x7f) {
      blank_before = !out.empty();
      continue;
    }
    if (blank_before) {
      if (words == max_words) {
        break;
      }
      ++words;
      out.push_back(' ');
      blank_before = false;
    }
    out.push_back(c);
  }
  return out;
}

std::string CollapsedExample(absl::Span<const std::string> texts) {
  std::vector<std::string> collapsed;
  for (const std::string& text : texts) {
    collapsed.push_back(CollapseBlanks(text));
  }
  return JoinTexts(collapsed);
}

void Imported::Add(std::string label, std::string text) {
  ++records;
  if (text.empty()) {
    ++empty_texts;
    return;
  }
  texts[std::move(label)].push_back(std::move(text));
}

absl::Status Imported::Finish(const BadLines& bad, const ImportOptions& options, absl::string_view name) {
  if (!options.skip_bad_lines && bad.count() > 0) {
    return bad.status();
  }
  bad_lines += bad.count();
  records += bad.count();
  if (texts.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, ": no text in this file", bad_lines == 0 ? "" : absl::StrCat("; ", bad.status().message())));
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

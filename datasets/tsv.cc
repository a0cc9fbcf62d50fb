#include "datasets/tsv.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "datasets/lines.h"
#include "metaprompt/base/files.h"

namespace metaprompt {

absl::StatusOr<TextsByLabel> LoadTsv(const TsvSource& source) {
  const absl::StatusOr<std::string> file = ReadFile(source.path());
  if (!file.ok()) {
    return file.status();
  }
  TextsByLabel texts;
  Lines lines(*file, source.path());
  while (lines.Next()) {
    const absl::string_view line = lines.line();
    if (line.empty()) {
      continue;
    }
    const size_t tab = line.find('\t');
    if (tab == absl::string_view::npos) {
      return lines.Error("no tab between label and text");
    }
    if (line.find('\t', tab + 1) != absl::string_view::npos) {
      return lines.Error("more than one tab; a line is one label, one tab and one text");
    }
    std::string label = CollapseBlanks(line.substr(0, tab));
    std::string text = CollapseBlanks(line.substr(tab + 1));
    if (label.empty()) {
      return lines.Error("empty label");
    }
    if (text.empty()) {
      return lines.Error("empty text");
    }
    texts[std::move(label)].push_back(std::move(text));
  }
  if (!lines.status().ok()) {
    return lines.status();
  }
  if (texts.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(source.path(), ": no text in this file"));
  }
  return texts;
}

}  // namespace metaprompt

#include "metaprompt/base/text_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

std::string TextTable(const std::vector<std::vector<std::string>>& rows, const TextColumns& columns) {
  std::vector<size_t> widths(columns.is_number.size(), 0);
  for (const std::vector<std::string>& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], DisplayWidth(row[c]));
    }
  }
  std::string text;
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      absl::StrAppend(&line, std::string(c == 0 ? columns.indent : columns.gap, ' '),
                      Padded(row[c], widths[c], columns.is_number[c] ? Align::kRight : Align::kLeft));
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, line, "\n");
  }
  return text;
}

}  // namespace metaprompt

// TextTable: rows of words and numbers as a table for a terminal.
#ifndef METAPROMPT_BASE_TEXT_TABLE_H_
#define METAPROMPT_BASE_TEXT_TABLE_H_

#include <cstddef>
#include <string>
#include <vector>

namespace metaprompt {

struct TextColumns {
  std::vector<bool> is_number;  // for each column: numbers are right-aligned, words left-aligned
  size_t indent = 2;            // blanks before the first column
  size_t gap = 3;               // blanks between two columns
};

// One line per row. Each column is as wide as its widest cell (DisplayWidth). Lines have no blanks at the end, so a row
// of empty cells is an empty line. A row may have fewer cells than there are columns.
std::string TextTable(const std::vector<std::vector<std::string>>& rows, const TextColumns& columns);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_TEXT_TABLE_H_

// A report as a table: for a terminal, Markdown, LaTeX, or, a line a number, CSV.
#ifndef EXPERIMENTS_REPORT_REPORT_TABLE_H_
#define EXPERIMENTS_REPORT_REPORT_TABLE_H_

#include <string>
#include <vector>

#include "experiments/report/report.h"

namespace metaprompt {

// The cells that every format but CSV shows. Numbers hold digits, `+`, `-`, `.`, ` ± ` and ` (σ ...)` alone.
struct ReportTable {
  std::vector<std::string> header;
  std::vector<bool> is_number;  // of each column
  std::vector<std::vector<std::string>> rows;
  std::vector<std::string> legend;  // what the numbers are
};

ReportTable TableOf(const Report& report);

// Each with the legend before the table and the notes behind it. What a name or a path holds is shown as it is: nothing
// in it is taken for markup.
std::string TextReport(const Report& report);
std::string MarkdownReport(const Report& report);
// A `tabular`, for \input; legend and notes are comments.
std::string LatexReport(const Report& report);
// A line for each row and column: shares in [0, 1], as the records have them. RFC 4180, but that lines end with LF.
// The notes are not in it.
std::string CsvReport(const Report& report);

// `text` with no line ends or other control characters, and valid UTF-8: other bytes are question marks.
std::string OneLine(const std::string& text);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_TABLE_H_

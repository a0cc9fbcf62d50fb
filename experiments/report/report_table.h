// A report as a table: for a terminal, as Markdown, LaTeX or CSV.
#ifndef EXPERIMENTS_REPORT_REPORT_TABLE_H_
#define EXPERIMENTS_REPORT_REPORT_TABLE_H_

#include <string>
#include <vector>

#include "experiments/report/report.h"

namespace metaprompt {

// Numbers consist of digits, `+`, `-`, `.`, ` ± ` and ` (σ ...)`.
struct ReportTable {
  std::string title;            // "huffpost 5-way", and what all rows have in common
  std::vector<size_t> columns;  // indices of those of Report::columns that the table has
  std::vector<std::string> header;
  std::vector<bool> is_number;  // of each column
  std::vector<std::vector<std::string>> rows;
};

// One table per data set and number of ways, with the rows that have results there. A table's title has the learner,
// what adapts and the number of seeds if all of its rows agree; otherwise these are columns.
std::vector<ReportTable> TablesOf(const Report& report);

// What the numbers of the tables mean, one line per column.
std::vector<std::string> LegendOf(const Report& report);

// The legend, the tables and the notes. Markup in names and paths is escaped, so that they are shown literally.
std::string TextReport(const Report& report);
std::string MarkdownReport(const Report& report);
// The whole report as one `tabular` environment, for \input; legend and notes are comments.
std::string LatexReport(const Report& report);
// One line per row and column of the table, with shares in [0, 1] as in the records. RFC 4180, except that lines end
// with LF. Without the notes.
std::string CsvReport(const Report& report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_TABLE_H_

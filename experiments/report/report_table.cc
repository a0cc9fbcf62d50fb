#include "experiments/report/report_table.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "experiments/host/progress.h"
#include "experiments/report/percent.h"
#include "metaprompt/base/text.h"
#include "metaprompt/base/text_table.h"

namespace metaprompt {
namespace {

std::string Number(const std::optional<Estimate>& estimate, bool with_sign) {
  if (!estimate.has_value()) {
    return "";
  }
  std::string text = PercentInterval(estimate->mean, estimate->half_width, with_sign);
  if (estimate->seeds > 1) {
    absl::StrAppendFormat(&text, " (σ %.2f)", 100 * estimate->seed_deviation);
  }
  return text;
}

std::string Latex(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\\", "\\textbackslash{}"},
                                    {"{", "\\{"},
                                    {"}", "\\}"},
                                    {"$", "\\$"},
                                    {"&", "\\&"},
                                    {"#", "\\#"},
                                    {"%", "\\%"},
                                    {"_", "\\_"},
                                    {"^", "\\textasciicircum{}"},
                                    {"~", "\\textasciitilde{}"},
                                    {"<", "\\textless{}"},
                                    {">", "\\textgreater{}"},
                                    {"±", "$\\pm$"},
                                    {"σ", "$\\sigma$"}});
}

std::string LatexNumber(const std::string& number) {
  if (number.empty()) {
    return "";
  }
  return absl::StrCat("$", absl::StrReplaceAll(number, {{" ± ", " \\pm "}, {" (σ ", "\\ (\\sigma\\ "}}), "$");
}

std::string Markdown(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (absl::string_view("\\`*_{}[]<>|#~&").find(c) != absl::string_view::npos) {
      out += '\\';
    }
    out += c;
  }
  return out;
}

std::string Csv(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) {
    return text;
  }
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

// Fills a table whose `columns` are set. `short_titles`: columns are named only by their shots.
void FillTable(const Report& report, bool short_titles, ReportTable* table) {
  const auto column = [&](const std::string& title, bool is_number) {
    table->header.push_back(OneLine(title));
    table->is_number.push_back(is_number);
  };
  const auto any_row = [&](const auto& has) { return std::any_of(report.rows.begin(), report.rows.end(), has); };
  column("run", false);
  column("learner", false);
  column("initialisation", false);
  column("what adapts", false);
  column("seeds", true);
  std::vector<bool> compared;  // for each column, whether any row has a difference
  for (const size_t c : table->columns) {
    compared.push_back(any_row([&](const ReportRow& row) { return row.differences[c].has_value(); }));
    column(short_titles ? absl::StrCat(report.columns[c].shots, "-shot") : ColumnTitle(report.columns[c]), true);
    if (compared.back()) {
      column("difference", true);
    }
  }
  const bool timed = any_row([](const ReportRow& row) { return row.wall_seconds.has_value(); });
  if (timed) {
    column("wall time", false);
  }
  for (const ReportRow& row : report.rows) {
    std::vector<std::string> cells = {OneLine(row.run), OneLine(row.learner), OneLine(row.initialisation), row.adapts,
                                      absl::StrCat(row.seeds)};
    bool has_results = false;
    for (size_t i = 0; i < table->columns.size(); ++i) {
      const size_t c = table->columns[i];
      has_results = has_results || row.accuracies[c].has_value();
      cells.push_back(Number(row.accuracies[c], false));
      if (compared[i]) {
        cells.push_back(Number(row.differences[c], true));
      }
    }
    if (timed) {
      cells.push_back(row.is_spread ? "" : row.wall_seconds.has_value() ? Duration(*row.wall_seconds) : "unknown");
    }
    if (has_results) {
      table->rows.push_back(std::move(cells));
    }
  }
}

// Removes a column if all its cells that are not empty have the same value. Returns that value, or nothing.
std::string TakeCommonValue(const std::string& name, ReportTable* table) {
  const auto c = std::find(table->header.begin(), table->header.end(), name) - table->header.begin();
  std::set<std::string> values;
  for (const std::vector<std::string>& row : table->rows) {
    values.insert(row[static_cast<size_t>(c)]);
  }
  values.erase("");
  if (values.size() != 1) {
    return "";
  }
  table->header.erase(table->header.begin() + c);
  table->is_number.erase(table->is_number.begin() + c);
  for (std::vector<std::string>& row : table->rows) {
    row.erase(row.begin() + c);
  }
  return *values.begin();
}

// Removes the columns in which all rows agree, and returns their values: ": learner maml; adapts soft prompt; 3 seeds".
std::string TakeCommonValues(ReportTable* table) {
  std::vector<std::string> common;
  if (const std::string learner = TakeCommonValue("learner", table); !learner.empty()) {
    common.push_back(absl::StrCat("learner ", learner));
  }
  if (const std::string adapts = TakeCommonValue("what adapts", table); !adapts.empty()) {
    common.push_back(absl::StrCat("adapts ", adapts));
  }
  if (const std::string seeds = TakeCommonValue("seeds", table); !seeds.empty()) {
    common.push_back(absl::StrCat(seeds, seeds == "1" ? " seed" : " seeds"));
  }
  return common.empty() ? "" : absl::StrCat(": ", absl::StrJoin(common, "; "));
}

}  // namespace

std::vector<ReportTable> TablesOf(const Report& report) {
  std::vector<ReportTable> tables;
  std::vector<std::string> titles;
  for (size_t c = 0; c < report.columns.size(); ++c) {
    const ReportColumn& column = report.columns[c];
    const std::string title = OneLine(absl::StrCat(column.dataset, " ", column.ways, "-way"));
    if (tables.empty() || titles.back() != title) {
      tables.emplace_back();
      titles.push_back(title);
    }
    tables.back().columns.push_back(c);
  }
  for (size_t i = 0; i < tables.size(); ++i) {
    FillTable(report, /*short_titles=*/true, &tables[i]);
    tables[i].title = absl::StrCat(titles[i], TakeCommonValues(&tables[i]));
  }
  return tables;
}

std::vector<std::string> LegendOf(const Report& report) {
  bool several = false;
  bool compared = false;
  bool spread = false;
  bool timed = false;
  for (const ReportRow& row : report.rows) {
    several = several || row.seeds > 1;
    spread = spread || row.is_spread;
    timed = timed || row.wall_seconds.has_value();
    for (const std::optional<Estimate>& one : row.differences) {
      compared = compared || one.has_value();
    }
  }
  std::vector<std::string> legend = {several ? "accuracy in %: mean over the seeds, ± 95 % interval over episodes"
                                             : "accuracy in %: mean ± 95 % interval over episodes"};
  if (several) {
    legend.emplace_back("σ: standard deviation of the seeds' own means");
  }
  if (compared) {
    legend.push_back(
        absl::StrCat("difference: from ", OneLine(report.baseline), ", paired by episode, ± 95 % interval"));
  }
  if (spread) {
    legend.emplace_back(
        "spread: standard deviation between the runs of an episode's accuracy, mean over episodes; its difference: "
        "from the first spread");
  }
  if (timed) {
    legend.emplace_back("wall time: of a whole run, all its initialisations and shots");
  }
  return legend;
}

std::string TextReport(const Report& report) {
  std::string text = absl::StrCat(absl::StrJoin(LegendOf(report), "\n"), "\n");
  for (const ReportTable& table : TablesOf(report)) {
    std::vector<std::vector<std::string>> rows = {table.header};
    rows.insert(rows.end(), table.rows.begin(), table.rows.end());
    absl::StrAppend(&text, "\n", table.title, "\n\n", TextTable(rows, {table.is_number, /*indent=*/2, /*gap=*/3}));
  }
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, &note == &report.notes[0] ? "\n" : "", "note: ", OneLine(note), "\n");
  }
  return text;
}

std::string MarkdownReport(const Report& report) {
  std::string text;
  for (const std::string& line : LegendOf(report)) {
    absl::StrAppend(&text, "* ", Markdown(line), "\n");
  }
  for (const ReportTable& table : TablesOf(report)) {
    absl::StrAppend(&text, "\n**", Markdown(table.title), "**\n\n");
    const auto add = [&](const std::vector<std::string>& cells) {
      for (const std::string& cell : cells) {
        absl::StrAppend(&text, "| ", Markdown(cell), " ");
      }
      text += "|\n";
    };
    add(table.header);
    for (const bool is_number : table.is_number) {
      text += is_number ? "|---:" : "|---";
    }
    text += "|\n";
    std::for_each(table.rows.begin(), table.rows.end(), add);
  }
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, &note == &report.notes[0] ? "\n" : "", "* note: ", Markdown(OneLine(note)), "\n");
  }
  return text;
}

std::string LatexReport(const Report& report) {
  ReportTable table;
  table.columns.resize(report.columns.size());
  std::iota(table.columns.begin(), table.columns.end(), 0);
  FillTable(report, /*short_titles=*/false, &table);
  std::string text;
  for (const std::string& line : LegendOf(report)) {
    absl::StrAppend(&text, "% ", line, "\n");
  }
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, "% note: ", OneLine(note), "\n");
  }
  text += "\\begin{tabular}{";
  for (const bool is_number : table.is_number) {
    text += is_number ? 'r' : 'l';
  }
  text += "}\n\\hline\n";
  const auto add = [&](const std::vector<std::string>& row, bool head) {
    for (size_t c = 0; c < row.size(); ++c) {
      absl::StrAppend(&text, c == 0 ? "" : " & ", table.is_number[c] && !head ? LatexNumber(row[c]) : Latex(row[c]));
    }
    text += " \\\\\n";
  };
  add(table.header, true);
  text += "\\hline\n";
  for (const std::vector<std::string>& row : table.rows) {
    add(row, false);
  }
  return text + "\\hline\n\\end{tabular}\n";
}

std::string CsvReport(const Report& report) {
  std::string text =
      "run,learner,initialisation,adapts,dataset,ways,shots,seeds,mean,half_width,seed_deviation,baseline,difference,"
      "difference_half_width,difference_seeds,difference_seed_deviation,wall_seconds\n";
  const auto deviation = [](const Estimate& one) {
    return one.seeds > 1 ? absl::StrFormat("%.8f", one.seed_deviation) : std::string();
  };
  for (const ReportRow& row : report.rows) {
    for (size_t c = 0; c < report.columns.size(); ++c) {
      if (!row.accuracies[c].has_value()) {
        continue;
      }
      const Estimate& accuracy = *row.accuracies[c];
      std::vector<std::string> cells = {OneLine(row.run),
                                        row.learner,
                                        OneLine(row.initialisation),
                                        row.adapts,
                                        OneLine(report.columns[c].dataset),
                                        absl::StrCat(report.columns[c].ways),
                                        absl::StrCat(report.columns[c].shots),
                                        absl::StrCat(accuracy.seeds),
                                        absl::StrFormat("%.8f", accuracy.mean),
                                        absl::StrFormat("%.8f", accuracy.half_width),
                                        deviation(accuracy)};
      if (row.differences[c].has_value()) {
        const Estimate& difference = *row.differences[c];
        cells.insert(
            cells.end(),
            {row.is_spread ? "the first spread" : OneLine(report.baseline), absl::StrFormat("%.8f", difference.mean),
             absl::StrFormat("%.8f", difference.half_width), absl::StrCat(difference.seeds), deviation(difference)});
      } else {
        cells.insert(cells.end(), 5, "");
      }
      cells.push_back(row.wall_seconds.has_value() ? absl::StrFormat("%.1f", *row.wall_seconds) : "");
      absl::StrAppend(
          &text, absl::StrJoin(cells, ",", [](std::string* out, const std::string& cell) { *out += Csv(cell); }), "\n");
    }
  }
  return text;
}

}  // namespace metaprompt

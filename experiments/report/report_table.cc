#include "experiments/report/report_table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "experiments/host/progress.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

std::string Number(const std::optional<Estimate>& estimate, bool with_sign) {
  if (!estimate.has_value()) {
    return "";
  }
  std::string text = absl::StrFormat("%.2f", 100 * estimate->mean);
  text = text == "-0.00" ? "0.00" : text;
  if (with_sign && text[0] != '-') {
    text.insert(0, "+");
  }
  absl::StrAppendFormat(&text, " ± %.2f", 100 * estimate->half_width);
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

}  // namespace

std::string OneLine(const std::string& text) {
  std::string out = text;
  const bool utf8 = CheckUtf8(text).ok();
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    c = byte < 0x20 || byte == 0x7f ? ' ' : byte >= 0x80 && !utf8 ? '?' : c;
  }
  return out;
}

ReportTable TableOf(const Report& report) {
  ReportTable table;
  const auto column = [&](const std::string& title, bool is_number) {
    table.header.push_back(OneLine(title));
    table.is_number.push_back(is_number);
  };
  column("run", false);
  column("learner", false);
  column("initialisation", false);
  column("what adapts", false);
  column("seeds", true);
  std::vector<bool> compared;  // for each column, whether any row has a difference
  bool several = false;
  bool any = false;
  bool spread = false;
  for (size_t c = 0; c < report.columns.size(); ++c) {
    compared.push_back(std::any_of(report.rows.begin(), report.rows.end(),
                                   [&](const ReportRow& row) { return row.differences[c].has_value(); }));
    any = any || compared[c];
    column(ColumnTitle(report.columns[c]), true);
    if (compared[c]) {
      column("difference", true);
    }
  }
  column("wall time", false);
  for (const ReportRow& row : report.rows) {
    several = several || row.seeds > 1;
    spread = spread || row.is_spread;
    std::vector<std::string> cells = {OneLine(row.run), OneLine(row.learner), OneLine(row.initialisation), row.adapts,
                                      absl::StrCat(row.seeds)};
    for (size_t c = 0; c < report.columns.size(); ++c) {
      cells.push_back(Number(row.accuracies[c], false));
      if (compared[c]) {
        cells.push_back(Number(row.differences[c], true));
      }
    }
    cells.push_back(row.is_spread ? "" : row.wall_seconds.has_value() ? Duration(*row.wall_seconds) : "unknown");
    table.rows.push_back(std::move(cells));
  }
  table.legend.push_back(
      absl::StrCat("accuracy in %, mean ± 95 % interval over episodes",
                   several ? " of the mean over the seeds (σ: standard deviation of the seeds' own means)" : ""));
  if (any) {
    table.legend.push_back(
        absl::StrCat("difference: over ", OneLine(report.baseline), ", paired by episode, ± 95 % interval"));
  }
  if (spread) {
    table.legend.push_back(
        "spread: standard deviation between the runs of an episode's accuracy, mean over episodes; its difference: "
        "over the first spread's");
  }
  table.legend.push_back("wall time: of a whole run, all its initialisations and shots");
  return table;
}

std::string TextReport(const Report& report) {
  const ReportTable table = TableOf(report);
  std::vector<std::vector<std::string>> rows = {table.header};
  rows.insert(rows.end(), table.rows.begin(), table.rows.end());
  std::vector<size_t> widths(table.header.size(), 0);
  for (const std::vector<std::string>& row : rows) {
    for (size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], DisplayWidth(row[c]));
    }
  }
  std::string text = absl::StrCat(absl::StrJoin(table.legend, "\n"), "\n\n");
  for (const std::vector<std::string>& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      absl::StrAppend(&line, c == 0 ? "  " : "   ",
                      Padded(row[c], widths[c], table.is_number[c] ? Align::kRight : Align::kLeft));
    }
    absl::StrAppend(&text, line.substr(0, line.find_last_not_of(' ') + 1), "\n");
  }
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, &note == &report.notes[0] ? "\n" : "", "note: ", OneLine(note), "\n");
  }
  return text;
}

std::string MarkdownReport(const Report& report) {
  const ReportTable table = TableOf(report);
  std::string text;
  for (const std::string& line : table.legend) {
    absl::StrAppend(&text, "* ", Markdown(line), "\n");
  }
  text += "\n|";
  for (const std::string& cell : table.header) {
    absl::StrAppend(&text, " ", Markdown(cell), " |");
  }
  text += "\n|";
  for (const bool is_number : table.is_number) {
    text += is_number ? "---:|" : "---|";
  }
  text += "\n";
  for (const std::vector<std::string>& row : table.rows) {
    text += "|";
    for (const std::string& cell : row) {
      absl::StrAppend(&text, " ", Markdown(cell), " |");
    }
    text += "\n";
  }
  for (const std::string& note : report.notes) {
    absl::StrAppend(&text, &note == &report.notes[0] ? "\n" : "", "* note: ", Markdown(OneLine(note)), "\n");
  }
  return text;
}

std::string LatexReport(const Report& report) {
  const ReportTable table = TableOf(report);
  std::string text;
  for (const std::string& line : table.legend) {
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

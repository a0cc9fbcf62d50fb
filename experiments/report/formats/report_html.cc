#include "experiments/report/formats/report_html.h"

#include <cstddef>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "experiments/report/comparison.h"
#include "experiments/report/formats/class_results_html.h"
#include "experiments/report/formats/comparison_html.h"
#include "experiments/report/formats/report_charts.h"
#include "experiments/report/formats/report_style.h"
#include "experiments/report/report_table.h"
#include "metaprompt/base/html_text.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

constexpr size_t kOpenGroups = 3;

// A number with each of its parts unbreakable: "35.00 ± 1.20" and "(σ 0.54)".
std::string NumberHtml(const std::string& number) {
  return absl::StrCat("<span>", absl::StrReplaceAll(HtmlEscaped(number), {{" (", "</span> <span>("}}), "</span>");
}

void AddTable(const ReportTable& table, std::string* page) {
  absl::StrAppend(page, "<div class=\"wide runs\" role=\"region\" aria-label=\"", HtmlEscaped(table.title),
                  "\" tabindex=\"0\"><table>\n<thead><tr>");
  for (size_t c = 0; c < table.header.size(); ++c) {
    absl::StrAppend(page, "<th scope=\"col\"", table.is_number[c] ? " class=\"n\">" : ">", HtmlEscaped(table.header[c]),
                    "</th>");
  }
  *page += "</tr></thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    absl::StrAppend(page, "<tr><th scope=\"row\">", HtmlBreakable(row[0]), "</th>");
    for (size_t c = 1; c < row.size(); ++c) {
      absl::StrAppend(page, table.is_number[c] ? "<td class=\"n\">" : "<td>",
                      table.is_number[c] ? NumberHtml(row[c]) : HtmlEscaped(row[c]), "</td>");
    }
    *page += "</tr>\n";
  }
  *page += "</tbody>\n</table></div>\n";
}

// A data set's table, and a chart per number of shots.
void AddDataset(const Report& report, const ReportTable& table, std::string* page) {
  absl::StrAppend(page, "<h2>", HtmlEscaped(table.title), "</h2>\n");
  AddTable(table, page);
  std::vector<Comparison> charts;
  for (const size_t column : table.columns) {
    charts.push_back(ComparisonOf(report, column));
  }
  absl::StrAppend(
      page, ComparisonKey(charts, report.baseline), "<div class=\"compares\">\n",
      absl::StrJoin(charts, "", [](std::string* out, const Comparison& one) { *out += ComparisonHtml(one); }),
      "</div>\n");
}

// Escaped line by line, since HtmlEscaped does not keep line ends.
std::string EscapedLines(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  return absl::StrJoin(lines, "\n",
                       [](std::string* out, const std::string& line) { absl::StrAppend(out, HtmlEscaped(line)); });
}

void AddGroup(const SeedGroup& group, bool is_open, std::string* page) {
  absl::StrAppend(page, "<details class=\"run\"", is_open ? " open" : "", "><summary><h3>", HtmlEscaped(group.name),
                  "</h3></summary>\n<p>",
                  absl::StrJoin(group.runs, "<br>\n",
                                [](std::string* out, const ReportedRun& run) {
                                  absl::StrAppend(out, HtmlEscaped(run.path), ", seed ", run.record.spec().seed());
                                }),
                  "</p>\n<div class=\"charts\">\n");
  const RunRecord& record = group.runs[0].record;
  for (const ShotResult& result : record.results()) {
    absl::StrAppend(page, CurveChart(group, result.shots()), EpisodeChart(group, result.shots()));
  }
  absl::StrAppend(page, "</div>\n", ClassResultsHtml(group), "<details><summary>spec</summary><pre>",
                  EscapedLines(SpecText(record.spec())), "</pre></details>\n</details>\n");
}

}  // namespace

std::string HtmlReport(const Report& report) {
  std::string page = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>metaprompt report</title>\n<style>",
      kReportStyle, "</style>\n</head>\n<body>\n<h1>metaprompt report</h1>\n<p>",
      absl::StrJoin(LegendOf(report), "<br>\n",
                    [](std::string* out, const std::string& line) { *out += HtmlEscaped(line); }),
      "</p>\n");
  for (const ReportTable& table : TablesOf(report)) {
    AddDataset(report, table, &page);
  }
  if (!report.notes.empty()) {
    page += "<h2>Notes</h2>\n<ul>\n";
    for (const std::string& note : report.notes) {
      absl::StrAppend(&page, "<li>", HtmlEscaped(note), "</li>\n");
    }
    page += "</ul>\n";
  }
  page += "<h2>Runs</h2>\n";
  for (const SeedGroup& group : report.groups) {
    AddGroup(group, report.groups.size() <= kOpenGroups, &page);
  }
  return page + "</body>\n</html>\n";
}

}  // namespace metaprompt

#include "experiments/report/report_html.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "experiments/report/class_results_table.h"
#include "experiments/report/report_charts.h"
#include "experiments/report/report_table.h"
#include "metaprompt/base/spec_fields.h"

namespace metaprompt {
namespace {

constexpr char kHead[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>metaprompt report</title>
<style>
:root { color-scheme: light dark; --c0: #4477aa; --c1: #cc5544; --c2: #228833; --c3: #aa8800; --rule: #8886; }
@media (prefers-color-scheme: dark) { :root { --c0: #77aadd; --c1: #ee8866; --c2: #66bb66; --c3: #ddbb44; } }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; }
th, td { padding: .25rem .8rem .25rem 0; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--rule); }
.n { text-align: right; font-variant-numeric: tabular-nums; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; }
figure { margin: 0; width: 26rem; max-width: 100%; }
svg { width: 100%; font: 11px system-ui, sans-serif; fill: currentColor; }
.axes, .grid { fill: none; stroke: currentColor; }
.grid { opacity: .15; }
pre { overflow-x: auto; }
</style>
</head>
<body>
<h1>metaprompt report</h1>
)";

void AddTable(const ReportTable& table, std::string* page) {
  const auto add = [&](const std::vector<std::string>& row, const char* tag) {
    *page += "<tr>";
    for (size_t c = 0; c < row.size(); ++c) {
      absl::StrAppend(page, "<", tag, table.is_number[c] ? " class=\"n\">" : ">", HtmlEscaped(row[c]), "</", tag, ">");
    }
    *page += "</tr>\n";
  };
  *page += "<div class=\"wide\"><table>\n<thead>";
  add(table.header, "th");
  *page += "</thead>\n<tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    add(row, "td");
  }
  *page += "</tbody>\n</table></div>\n";
}

// Escaped line by line, since HtmlEscaped does not keep line ends.
std::string EscapedLines(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  return absl::StrJoin(lines, "\n",
                       [](std::string* out, const std::string& line) { absl::StrAppend(out, HtmlEscaped(line)); });
}

void AddGroup(const SeedGroup& group, std::string* page) {
  absl::StrAppend(page, "<h2>", HtmlEscaped(group.name), "</h2>\n<p>",
                  absl::StrJoin(group.runs, "<br>\n",
                                [](std::string* out, const ReportedRun& run) {
                                  absl::StrAppend(out, HtmlEscaped(run.path), ", seed ", run.record.spec().seed());
                                }),
                  "</p>\n");
  const RunRecord& record = group.runs[0].record;
  for (const ShotResult& result : record.results()) {
    absl::StrAppend(page, "<h3>", result.shots(), "-shot</h3>\n<div class=\"charts\">\n");
    for (const std::string& chart : {CurveChart(group, result.shots()), EpisodeChart(group, result.shots())}) {
      absl::StrAppend(page, chart.empty() ? "" : absl::StrCat("<figure>", chart, "</figure>\n"));
    }
    *page += "</div>\n";
  }
  *page += ClassResultsHtml(group);
  absl::StrAppend(page, "<details><summary>spec</summary><pre>", EscapedLines(SpecText(record.spec())),
                  "</pre></details>\n");
}

}  // namespace

std::string HtmlReport(const Report& report) {
  const ReportTable table = TableOf(report);
  std::string page = kHead;
  for (const std::string& line : table.legend) {
    absl::StrAppend(&page, "<p>", HtmlEscaped(line), "</p>\n");
  }
  AddTable(table, &page);
  if (!report.notes.empty()) {
    page += "<h2>Notes</h2>\n<ul>\n";
    for (const std::string& note : report.notes) {
      absl::StrAppend(&page, "<li>", HtmlEscaped(note), "</li>\n");
    }
    page += "</ul>\n";
  }
  for (const SeedGroup& group : report.groups) {
    AddGroup(group, &page);
  }
  return page + "</body>\n</html>\n";
}

}  // namespace metaprompt

#include "experiments/report/formats/report_format.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "experiments/report/formats/report_html.h"
#include "experiments/report/formats/report_json.h"
#include "experiments/report/report_table.h"

namespace metaprompt {
namespace {

struct Format {
  const char* name;
  const char* ending;
  std::string (*write)(const Report&);
};

constexpr Format kFormats[] = {{"text", ".txt", TextReport},   {"markdown", ".md", MarkdownReport},
                               {"latex", ".tex", LatexReport}, {"csv", ".csv", CsvReport},
                               {"html", ".html", HtmlReport},  {"json", ".json", JsonReport}};

}  // namespace

const std::vector<std::string>& ReportFormats() {
  static const auto* const names = [] {
    auto* all = new std::vector<std::string>();
    for (const Format& format : kFormats) {
      all->emplace_back(format.name);
    }
    return all;
  }();
  return *names;
}

bool EndsAsAReport(const std::string& file) {
  return std::any_of(std::begin(kFormats), std::end(kFormats),
                     [&](const Format& one) { return absl::EndsWith(file, one.ending); });
}

std::string FormattedReport(const Report& report, const std::string& format, const std::string& file) {
  for (const Format& one : kFormats) {
    if (format.empty() ? absl::EndsWith(file, one.ending) : format == one.name) {
      return one.write(report);
    }
  }
  return TextReport(report);
}

}  // namespace metaprompt

#include "experiments/report/formats/report_format.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
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

absl::StatusOr<std::string> FormatOf(const std::string& format, const std::string& file) {
  if (!format.empty() || file.empty()) {
    return format.empty() ? "text" : format;
  }
  for (const Format& one : kFormats) {
    if (absl::EndsWith(file, one.ending)) {
      return one.name;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(file, ": no format has this ending; choose one with --format"));
}

std::string FormattedReport(const Report& report, const std::string& format) {
  const auto* const found =
      std::find_if(std::begin(kFormats), std::end(kFormats), [&](const Format& one) { return format == one.name; });
  TORCH_CHECK(found != std::end(kFormats), "no format ", format);
  return found->write(report);
}

}  // namespace metaprompt

// A report in the format that the user asks for.
#ifndef EXPERIMENTS_REPORT_FORMATS_REPORT_FORMAT_H_
#define EXPERIMENTS_REPORT_FORMATS_REPORT_FORMAT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/report/report.h"

namespace metaprompt {

// text, markdown, latex, csv, html, json.
const std::vector<std::string>& ReportFormats();

// The format of a report that is written to `file` (empty: to the standard output): `format` if it is not empty,
// otherwise the format of the file's ending, and text if there is no file. It is an error if no format has the file's
// ending.
absl::StatusOr<std::string> FormatOf(const std::string& format, const std::string& file);

// The report in `format`, one of ReportFormats.
std::string FormattedReport(const Report& report, const std::string& format);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_REPORT_FORMAT_H_

// A report in the format that the user asks for.
#ifndef EXPERIMENTS_REPORT_FORMATS_REPORT_FORMAT_H_
#define EXPERIMENTS_REPORT_FORMATS_REPORT_FORMAT_H_

#include <string>
#include <vector>

#include "experiments/report/report.h"

namespace metaprompt {

// text, markdown, latex, csv, html, json.
const std::vector<std::string>& ReportFormats();

// Whether the file name ends as one of the formats does.
bool EndsAsAReport(const std::string& file);

// The report in `format`. If that is empty, the ending of `file` decides; if it is none of a format, text.
std::string FormattedReport(const Report& report, const std::string& format, const std::string& file);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_REPORT_FORMAT_H_

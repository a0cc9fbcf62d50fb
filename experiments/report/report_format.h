// A report in the format that was asked for.
#ifndef EXPERIMENTS_REPORT_REPORT_FORMAT_H_
#define EXPERIMENTS_REPORT_REPORT_FORMAT_H_

#include <string>
#include <vector>

#include "experiments/report/report.h"

namespace metaprompt {

// text, markdown, latex, csv, html.
const std::vector<std::string>& ReportFormats();

// Whether the file's ending names a format.
bool EndsAsAReport(const std::string& file);

// In `format`, or, if that is empty, in the format of the file's ending; text where there is none.
std::string FormattedReport(const Report& report, const std::string& format, const std::string& file);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_FORMAT_H_

// A report as one page that needs nothing else.
#ifndef EXPERIMENTS_REPORT_REPORT_HTML_H_
#define EXPERIMENTS_REPORT_REPORT_HTML_H_

#include <string>

#include "experiments/report/report.h"

namespace metaprompt {

// The table with its legend and notes, then for each group its training curves, its episodes' accuracies and its spec.
// No script, no link, nothing loaded; drawings are inline SVG.
std::string HtmlReport(const Report& report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_HTML_H_

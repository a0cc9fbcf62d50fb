// A report as a single page without references to other files.
#ifndef EXPERIMENTS_REPORT_FORMATS_REPORT_HTML_H_
#define EXPERIMENTS_REPORT_FORMATS_REPORT_HTML_H_

#include <string>

#include "experiments/report/report.h"

namespace metaprompt {

// The table with its legend and notes, then for each group its training curves, the accuracies of its episodes and its
// spec. The page has no scripts and no links, and loads nothing; charts are inline SVG.
std::string HtmlReport(const Report& report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_REPORT_HTML_H_

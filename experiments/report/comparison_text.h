// Charts that compare runs, for a terminal.
#ifndef EXPERIMENTS_REPORT_COMPARISON_TEXT_H_
#define EXPERIMENTS_REPORT_COMPARISON_TEXT_H_

#include <string>

#include "experiments/report/report.h"

namespace metaprompt {

// The charts of experiments/report/comparison.h, at most 80 columns wide: one line per row of the report's table, with
// its name, which is shortened if it is long. `<` and `>` mark an interval that continues beyond the axis.
std::string ComparisonText(const Report& report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_COMPARISON_TEXT_H_

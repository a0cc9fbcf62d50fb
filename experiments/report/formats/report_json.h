// A report as JSON for other programs.
#ifndef EXPERIMENTS_REPORT_FORMATS_REPORT_JSON_H_
#define EXPERIMENTS_REPORT_FORMATS_REPORT_JSON_H_

#include <string>

#include "experiments/report/report.h"

namespace metaprompt {

// One object with `columns`, `rows`, `baseline` and `notes`, and a line end. Accuracies are shares in [0, 1], as in the
// records; where a row has no number for a column it has null.
std::string JsonReport(const Report& report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_REPORT_JSON_H_

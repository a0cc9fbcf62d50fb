// Results as a person reads them.
#ifndef EXPERIMENTS_REPORT_RUN_TABLE_H_
#define EXPERIMENTS_REPORT_RUN_TABLE_H_

#include <string>

#include "experiments/result.pb.h"

namespace metaprompt {

// Initialisation x shots: mean accuracy in percent with its 95 % interval over episodes, then the paired difference.
std::string ResultTable(const RunRecord& record);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_RUN_TABLE_H_

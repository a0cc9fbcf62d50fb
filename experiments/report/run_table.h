// The table of one run's results, which `metaprompt run` and `show` print.
#ifndef EXPERIMENTS_REPORT_RUN_TABLE_H_
#define EXPERIMENTS_REPORT_RUN_TABLE_H_

#include <string>

#include "experiments/result.pb.h"

namespace metaprompt {

// One row per initialisation and one column per number of shots: the mean accuracy in percent with its 95 % interval
// over episodes. Then the paired differences.
std::string ResultTable(const RunRecord& record);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_RUN_TABLE_H_

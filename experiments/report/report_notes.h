// What stands between two runs and a fair comparison.
#ifndef EXPERIMENTS_REPORT_REPORT_NOTES_H_
#define EXPERIMENTS_REPORT_REPORT_NOTES_H_

#include <string>
#include <vector>

#include "experiments/report/reported_runs.h"

namespace metaprompt {

// A line for each way in which the runs of one data set differ: data, split, episodes, encoder. Each names the groups.
std::vector<std::string> ComparisonNotes(const std::vector<SeedGroup>& groups);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_NOTES_H_

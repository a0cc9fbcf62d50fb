// Differences between runs that make a comparison unfair.
#ifndef EXPERIMENTS_REPORT_REPORT_NOTES_H_
#define EXPERIMENTS_REPORT_REPORT_NOTES_H_

#include <string>
#include <vector>

#include "experiments/report/reported_runs.h"

namespace metaprompt {

// One note for each way in which runs on one data set differ: data, split, episodes, encoder. It names the groups.
std::vector<std::string> ComparisonNotes(const std::vector<SeedGroup>& groups);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_NOTES_H_

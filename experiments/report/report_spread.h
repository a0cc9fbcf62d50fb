// How far apart the runs of a report lie, as those of other templates do.
#ifndef EXPERIMENTS_REPORT_REPORT_SPREAD_H_
#define EXPERIMENTS_REPORT_REPORT_SPREAD_H_

#include "absl/status/status.h"
#include "experiments/report/report.h"

namespace metaprompt {

// Adds a row for each initialisation that several groups have (the fourth table of Hou et al. 2022): of each episode
// that all of these met, the standard deviation of their accuracies. The difference is over the first such row's. A
// note says how far apart the groups' means are. An error where there is no such episode.
absl::Status AddSpread(Report* report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_SPREAD_H_

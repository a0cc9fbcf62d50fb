// The spread between the runs of a report, for example runs with different templates.
#ifndef EXPERIMENTS_REPORT_REPORT_SPREAD_H_
#define EXPERIMENTS_REPORT_REPORT_SPREAD_H_

#include "absl/status/status.h"
#include "experiments/report/report.h"

namespace metaprompt {

// Adds one row per initialisation that several groups have, as in the fourth table of Hou et al. (2022): the standard
// deviation of the groups' accuracies on one episode, averaged over the episodes that all of these groups have.
// Differences are relative to the first such row. A note gives the standard deviation of the groups' means. It is an
// error if there are no such episodes.
absl::Status AddSpread(Report* report);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_REPORT_SPREAD_H_

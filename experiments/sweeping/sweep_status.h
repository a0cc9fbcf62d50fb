// Which runs of a sweep wait, run, are complete or have failed, and why.
#ifndef EXPERIMENTS_SWEEPING_SWEEP_STATUS_H_
#define EXPERIMENTS_SWEEPING_SWEEP_STATUS_H_

#include <ostream>

#include "absl/status/status.h"
#include "experiments/sweeping/sweep_runs.h"

namespace metaprompt {

// Prints a line for each run, and a last line with the number of runs in each state. It reads the runs' folders and
// logs, and, if jobs were submitted, asks squeue; if that fails, there is a remark and the files alone decide. It
// changes nothing.
absl::Status PrintSweepStatus(const SweepOptions& options, std::ostream* out);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SWEEPING_SWEEP_STATUS_H_

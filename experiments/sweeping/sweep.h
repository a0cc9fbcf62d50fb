// Runs many experiments, several at a time, each in its own process.
#ifndef EXPERIMENTS_SWEEPING_SWEEP_H_
#define EXPERIMENTS_SWEEPING_SWEEP_H_

#include <atomic>
#include <ostream>

#include "absl/status/status.h"
#include "experiments/sweeping/sweep_runs.h"

namespace metaprompt {

// Starts the runs that are not complete; a stopped run continues. The output of a run goes into OUT/NAME-seedS.log. A
// run that fails is reported, and only the runs that start from it are skipped; the sweep then ends with an error. With
// several jobs, a run whose spec leaves `threads` unset gets its share of the cores. If `stop` is set, the runs are
// asked to save and end.
absl::Status Sweep(const SweepOptions& options, std::ostream* out, const std::atomic<bool>& stop);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SWEEPING_SWEEP_H_

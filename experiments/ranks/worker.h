// What a process of a run does that is not rank 0: it opens the same data and model, and computes gradients, evaluates
// episodes and, if the optimizer is divided, updates parameters for rank 0 (crew.h) until rank 0 ends the run. It
// writes no files but its log.
#ifndef EXPERIMENTS_RANKS_WORKER_H_
#define EXPERIMENTS_RANKS_WORKER_H_

#include <atomic>

#include "absl/status/status.h"
#include "experiments/experiment.pb.h"
#include "experiments/ranks/place.h"

namespace metaprompt {

// Serves rank 0. Returns only with an error: the link could not be opened, or another process has this rank. Otherwise
// it ends the process with the exit status of the run or, if rank 0 is gone, with 1 and one line on the standard error.
// `asked`: set by a signal to this process, which rank 0 is told. What this process prints goes to the log that rank 0
// names.
absl::Status ServeRun(const ExperimentSpec& spec, const Place& place, const std::atomic<bool>& asked);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_WORKER_H_

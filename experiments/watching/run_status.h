// The state of a run that may be in progress in another process.
#ifndef EXPERIMENTS_WATCHING_RUN_STATUS_H_
#define EXPERIMENTS_WATCHING_RUN_STATUS_H_

#include <string>

#include "absl/status/status.h"
#include "experiments/host/progress.h"
#include "experiments/watching/run_status.pb.h"

namespace metaprompt {

// The file of a run's folder that its process locks while it works on the run. It contains a RunStatus as text.
inline constexpr char kLockFile[] = ".lock";

// The contents of the lock file: of a run that works, and of one that failed.
std::string StatusText(const ProgressNow& now);
std::string StatusText(const absl::Status& error);

enum class RunState {
  kWaiting,   // there is no folder yet
  kRunning,   // a process works on it
  kStopped,   // no process works on it; the same command continues it
  kFailed,    // it ended with an error
  kFinished,  // it is complete
};

struct ObservedRun {
  RunState state = RunState::kWaiting;
  RunStatus status;  // empty if nothing is known
};

// The state of the run whose folder, when it is complete, is `run`. A run without a folder has failed if the last line
// of the log file that a sweep keeps, `run`.log, is an error. What `status` has may be some seconds old.
ObservedRun Observe(const std::string& run);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WATCHING_RUN_STATUS_H_

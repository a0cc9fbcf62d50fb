// A sweep through Slurm's queue: what is submitted, and what is still there. Nothing of Slurm is linked; its commands
// sbatch and squeue do the work. Checked with Slurm 22.05.
#ifndef EXPERIMENTS_SWEEPING_SLURM_H_
#define EXPERIMENTS_SWEEPING_SLURM_H_

#include <map>
#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/sweeping/sweep_runs.h"

namespace metaprompt {

// A job that waits or runs, in the words of squeue.
struct QueuedJob {
  std::string id;      // 12_3: the array's number and the number in it
  std::string state;   // PENDING, RUNNING, ...
  std::string reason;  // why it waits
  std::string start;   // when it started
  std::string nodes;
};

// The jobs by which the runs were last submitted, by FolderName; empty if none was. They are in the file slurm.jobs of
// the sweep's folder. The error names the file and the line.
absl::StatusOr<std::map<std::string, std::string>> SubmittedJobs(const std::string& folder);

// Those of the jobs, by FolderName, that are still in Slurm's queue. The error is that of squeue; without jobs, squeue
// is not started.
absl::StatusOr<std::map<std::string, QueuedJob>> QueuedJobs(const std::map<std::string, std::string>& jobs);

// Submits the runs that are neither complete nor in Slurm's queue, and returns at once. The runs that begin from the
// same run are one array of jobs, which waits for that run; those that need not wait are one array. Each job runs
// slurm.sh, which is written into the sweep's folder; the output goes into OUT/NAME-seedS.log, and what Slurm itself
// prints about a job into OUT/slurm.log. Errors: sbatch or squeue is missing, or sbatch refuses (its words). The jobs
// that were submitted before the error stay in the queue, and the same command submits the others.
absl::Status SubmitSweep(const SweepOptions& options, std::ostream* out);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SWEEPING_SLURM_H_

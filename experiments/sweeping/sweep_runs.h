// The runs of a sweep as commands and folders, whoever starts them.
#ifndef EXPERIMENTS_SWEEPING_SWEEP_RUNS_H_
#define EXPERIMENTS_SWEEPING_SWEEP_RUNS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/result.pb.h"
#include "experiments/sweeping/sweep_plan.h"
#include "experiments/watching/run_events.h"

namespace metaprompt {

// What the runs of a sweep wait for in Slurm's queue, and what they get there.
struct SlurmOptions {
  std::string partition;  // empty: Slurm's default, as for `time`
  std::string time;       // limit of each run, in Slurm's form
  int gpus = 0;           // of each run; 0: none
  int cpus = 0;           // of each run; 0: the most threads that a spec sets, or Slurm's default if none sets any
  std::vector<std::string> more;  // options of sbatch
};

struct SweepOptions {
  std::string file;               // a SweepSpec
  std::string out;                // folder of the runs; empty: runs/ and the file's name without its ending
  std::vector<std::string> sets;  // FIELD=VALUE for every run
  std::vector<std::string> only;  // parts of names; empty: all runs
  int jobs = 1;                   // runs at a time
  bool dry_run = false;           // only prints the commands
  EventsOption events;            // of each run; in a folder that is named, each run has its own folder
  SlurmOptions slurm;             // for SubmitSweep
  std::string program = "/proc/self/exe";
};

// The folder of the sweep's runs, without a slash at its end.
std::string SweepFolder(const SweepOptions& options);

// PlanSweep with these options.
absl::StatusOr<SweepPlan> PlanSweep(const SweepOptions& options);

// The last component of the run's folder, NAME-seedS.
std::string FolderName(const SweepRun& run);

// The record of a complete run; nothing if it is not complete. It is an error if that run has another spec.
absl::StatusOr<std::optional<RunRecord>> RecordOf(const SweepRun& run);

// "1-shot meta-learned 66.12 ± 1.38 %, 5-shot ...": the last initialisation that was tested.
std::string Summary(const RunRecord& record);

// The last line of a run's log that is not blank, or why there is none.
std::string LastLineOfLog(const std::string& path);

// Removes the training state of a complete run.
void RemoveCheckpoints(const std::string& folder);

// The arguments of `metaprompt` for a run. If the run's spec leaves `threads` unset, the run gets the number with which
// an earlier process began it, or otherwise `threads`; 0: it decides itself.
std::vector<std::string> ArgumentsOf(const SweepRun& run, const EventsOption& events, int threads);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SWEEPING_SWEEP_RUNS_H_

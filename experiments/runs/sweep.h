// Runs many experiments, several at a time, each in its own process.
#ifndef EXPERIMENTS_RUNS_SWEEP_H_
#define EXPERIMENTS_RUNS_SWEEP_H_

#include <atomic>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "experiments/watching/run_events.h"

namespace metaprompt {

struct SweepOptions {
  std::string file;               // a SweepSpec
  std::string out;                // folder of the runs; empty: runs/ and the file's name without its ending
  std::vector<std::string> sets;  // FIELD=VALUE for every run
  std::vector<std::string> only;  // parts of names; empty: all runs
  int jobs = 1;                   // runs at a time
  bool dry_run = false;           // only prints the commands
  EventsOption events;            // of each run; in a folder that is named, each run has its own folder
  std::string program = "/proc/self/exe";
};

// Starts the runs that are not complete; a stopped run continues. The output of a run goes into OUT/NAME-seedS.log. A
// run that fails is reported, and only the runs that start from it are skipped; the sweep then ends with an error. With
// several jobs, a run whose spec leaves `threads` unset gets its share of the cores. If `stop` is set, the runs are
// asked to save and end.
absl::Status Sweep(const SweepOptions& options, std::ostream* out, const std::atomic<bool>& stop);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_SWEEP_H_

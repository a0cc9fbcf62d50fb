// A live table of runs that other processes work on: `metaprompt report --follow`.
#ifndef EXPERIMENTS_WATCHING_FOLLOW_H_
#define EXPERIMENTS_WATCHING_FOLLOW_H_

#include <atomic>
#include <chrono>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "experiments/watching/run_status.h"

namespace metaprompt {

struct FollowOptions {
  std::vector<std::string> runs;  // folders, as from FollowedRun
  bool terminal = false;          // whether the output is a terminal
  std::chrono::milliseconds interval{2000};
};

// The name of a run's folder when the run is complete: without a slash or ".partial" at the end.
std::string FollowedRun(absl::string_view path);

// A row per run: its name, state, work and how much of it is done, the time left, the last validation and the best one,
// the rate, and what else is known, such as the loss or an error.
std::string StatusTable(const std::vector<std::string>& runs, const std::vector<ObservedRun>& observed);

// On a terminal, draws the table anew at each interval, over the previous one. Otherwise prints a line for each run,
// and another one whenever its state, its work or its last validation changes. Ends when all runs are finished or
// failed; it is an error if any failed. Cancelled: `stop` was set.
absl::Status Follow(const FollowOptions& options, std::ostream* out, const std::atomic<bool>& stop);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WATCHING_FOLLOW_H_

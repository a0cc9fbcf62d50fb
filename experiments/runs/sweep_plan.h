// What a sweep consists of.
#ifndef EXPERIMENTS_RUNS_SWEEP_PLAN_H_
#define EXPERIMENTS_RUNS_SWEEP_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

// One run of a sweep: what `metaprompt run` is to be told.
struct SweepRun {
  std::string name;               // its choices, joined by -
  std::string out;                // its folder, OUT/NAME-seedS
  std::string spec;               // path of its experiment spec
  std::vector<std::string> sets;  // FIELD=VALUE, in order
  ExperimentSpec planned;         // what that makes
  int64_t after = -1;             // the run, an earlier one of the plan, whose parameters it begins with; -1: none
};

struct SweepPlan {
  std::vector<SweepRun> runs;
  bool keep_checkpoints = false;
};

// Reads the file and multiplies it out: seed by seed, in a seed the last axis changes fastest, but a run comes after
// that which it begins from. `sets` come last in every run, and `only`, if not empty, leaves the runs whose name holds
// one of them, with those that they begin from. Every run's spec is checked, as far as it can be without data; name,
// seed and start are the plan's, and a set that says otherwise is an error. Errors name the file, and the run where it
// is a run's.
absl::StatusOr<SweepPlan> PlanSweep(const std::string& path, const std::vector<std::string>& sets,
                                    const std::vector<std::string>& only, const std::string& out);

// The arguments of `metaprompt` that start the run.
std::vector<std::string> RunArguments(const SweepRun& run);

}  // namespace metaprompt

#endif  // EXPERIMENTS_RUNS_SWEEP_PLAN_H_

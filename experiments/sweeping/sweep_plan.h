// The list of runs that a sweep consists of.
#ifndef EXPERIMENTS_SWEEPING_SWEEP_PLAN_H_
#define EXPERIMENTS_SWEEPING_SWEEP_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"

namespace metaprompt {

// One run of a sweep: the arguments of `metaprompt run`, and facts that follow from them.
struct SweepRun {
  std::string name;               // its choices, joined by -
  std::string out;                // its folder, OUT/NAME-seedS
  std::string spec;               // path of its experiment spec
  std::vector<std::string> sets;  // FIELD=VALUE, in order
  ExperimentSpec planned;         // the spec with the sets applied
  int64_t after = -1;             // index of the earlier run whose parameters it starts from; -1: none
};

struct SweepPlan {
  std::vector<SweepRun> runs;
  bool keep_checkpoints = false;
};

// Reads the file and combines every choice of its axes. The runs are ordered by seed. Within a seed the last axis
// changes fastest, except that a run comes after the run that it starts from. `sets` are applied last in every run.
// `only`, if not empty, keeps the runs whose name contains one of its strings, and the runs that they start from. Every
// run's spec is checked as far as possible without data. The plan sets the name, the seed and the start of each run, so
// a set that changes one of them is an error. Errors name the file and, if only one run is wrong, the run.
absl::StatusOr<SweepPlan> PlanSweep(const std::string& path, const std::vector<std::string>& sets,
                                    const std::vector<std::string>& only, const std::string& out);

// The arguments of `metaprompt` that start the run.
std::vector<std::string> RunArguments(const SweepRun& run);

}  // namespace metaprompt

#endif  // EXPERIMENTS_SWEEPING_SWEEP_PLAN_H_

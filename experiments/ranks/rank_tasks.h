// The tasks of a run that any of its processes can compute: the tasks of a meta-step, and episodes to evaluate.
#ifndef EXPERIMENTS_RANKS_RANK_TASKS_H_
#define EXPERIMENTS_RANKS_RANK_TASKS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "episodes/sampler.h"
#include "episodes/task_source.h"
#include "experiments/workbench/workbench.h"
#include "learners/inner/meta_step.h"
#include "learners/learner.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The tasks of meta-step `meta_step`, from 0. `split` and `sampler`: those of the training classes, which must outlive
// the result.
MetaBatch TasksOfStep(const ExperimentSpec& spec, const TaskSource& split, const EpisodeSampler& sampler,
                      int64_t meta_step);

// Returns which texts episode i consists of: EpisodeSampler::Plan, or a manifest.
using PlanOf = std::function<EpisodePlan(int64_t)>;

struct EpisodeResult {
  double accuracy = 0;               // in [0, 1]
  std::vector<int64_t> predictions;  // way predicted for each query text
};

// Adapts to episodes' support sets, and counts the right answers on their query sets.
class EpisodeTester {
 public:
  // `bench` and `learner` must outlive the object. `split` and `plan`: the episodes. `what` is for errors: "1-shot
  // meta-test, random".
  EpisodeTester(const Workbench& bench, const Learner& learner, const TaskSource& split, PlanOf plan, std::string what);

  // How many episodes are evaluated as one batch, a group. It is 1 if each has its own mini-batches.
  int64_t together() const { return together_; }

  // Evaluates the group of episodes first, ..., end - 1 with `params`, the parameters of MetaInfos. The error: logits
  // that are not finite, with the step at which they diverged. Called from several threads.
  absl::StatusOr<std::vector<EpisodeResult>> Group(const ParamList& params, int64_t first, int64_t end) const;

 private:
  const Workbench& bench_;
  const Learner& learner_;
  const TaskSource& split_;
  const PlanOf plan_;
  const std::string what_;
  const std::vector<ParamInfo> infos_;
  const int64_t together_;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_RANK_TASKS_H_

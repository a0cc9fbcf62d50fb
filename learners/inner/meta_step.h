// Meta-training, one update at a time: what a learner learns, as data that can be saved.
#ifndef LEARNERS_INNER_META_STEP_H_
#define LEARNERS_INNER_META_STEP_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "learners/inner/adamw.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// All of meta-training's state: saved whole and loaded again, training goes on with the same bits.
struct LearnerState {
  int64_t meta_step = 0;
  ParamList params;
  AdamWState optimizer;
};

LearnerState StartLearning(ParamList params);

// A meta-batch of `tasks` tasks.
struct MetaBatch {
  int64_t tasks = 1;
  // How many tasks go through the model as one batch, where the learner takes several (Learner::TakesSeveralTasks).
  int64_t together = 1;
  // Tasks first, ..., first + count - 1 as one episode. Called from several threads.
  std::function<Episode(int64_t first, int64_t count)> episode;
};

struct StepStats {
  double query_loss = 0;  // means over the tasks
  double query_accuracy = 0;
  double gradient_norm = 0;  // before clipping
  int64_t gradients = 0;     // meta-gradients taken: tasks, or groups of tasks together
  int64_t recomputed = 0;    // of those, how many went through the inner steps again (MetaGradientSpec)
};

// One update from the mean of the tasks' gradients. `total` meta-steps are planned. The sum is taken in the order of
// the tasks, whichever ends first. An error when a loss or the gradient is not finite; the state is then unchanged.
absl::StatusOr<StepStats> MetaStep(const Learner& learner, const Model& model, const MetaOptimizerSpec& optimizer,
                                   int64_t total, const MetaBatch& batch, TaskPool* pool, LearnerState* state);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_META_STEP_H_

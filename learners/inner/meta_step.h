// Meta-training, one update at a time. Its state is data that can be saved.
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

// All of meta-training's state. Training that goes on from a saved state gives the same bits.
struct LearnerState {
  int64_t meta_step = 0;
  ParamList params;
  AdamWState optimizer;
};

LearnerState StartLearning(ParamList params);

// The tasks of one update.
struct MetaBatch {
  int64_t tasks = 1;
  // So many tasks go through the model as one batch, if the learner takes several (Learner::TakesSeveralTasks).
  int64_t together = 1;
  // Tasks first, ..., first + count - 1 as one episode. It is called from several threads.
  std::function<Episode(int64_t first, int64_t count)> episode;
};

struct StepStats {
  double query_loss = 0;  // means over the tasks
  double query_accuracy = 0;
  double gradient_norm = 0;  // before clipping
  int64_t gradients = 0;     // number of meta-gradients: one per task, or per group of tasks that went together
  int64_t recomputed = 0;    // how many of them recomputed the inner steps (MetaGradientSpec)
};

// One update from the mean of the tasks' gradients. `total` meta-steps are planned. The gradients are summed in the
// order of the tasks, whichever ends first. The error if a loss or the gradient is not finite says since when.
// Cancelled: the pool was asked to stop before every task was done. After an error the state is unchanged.
absl::StatusOr<StepStats> MetaStep(const Learner& learner, const Model& model, const MetaOptimizerSpec& optimizer,
                                   int64_t total, const MetaBatch& batch, TaskPool* pool, LearnerState* state);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_META_STEP_H_

// Meta-training, one update at a time: what a learner learns, as data that can be saved.
#ifndef LEARNERS_META_STEP_H_
#define LEARNERS_META_STEP_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "learners/adamw.h"
#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "learners/task_pool.h"
#include "metaprompt/model.h"
#include "metaprompt/params.h"

namespace metaprompt {

// All of meta-training's state: saved whole and loaded again, training goes on with the same bits.
struct LearnerState {
  int64_t meta_step = 0;
  ParamList params;
  AdamWState optimizer;
};

LearnerState StartLearning(ParamList params);

struct StepStats {
  double query_loss = 0;  // means over the tasks
  double query_accuracy = 0;
  double gradient_norm = 0;  // before clipping
};

// One update from the mean of the tasks' gradients; episode(0) ... episode(tasks - 1) deal them, called from several
// threads. `total` meta-steps are planned. The sum is taken in the order of the tasks, whichever ends first. An error
// when a loss or the gradient is not finite; the state is then unchanged.
absl::StatusOr<StepStats> MetaStep(const Learner& learner, const Model& model, const MetaOptimizerSpec& optimizer,
                                   int64_t total, int64_t tasks, const std::function<Episode(int64_t)>& episode,
                                   TaskPool* pool, LearnerState* state);

}  // namespace metaprompt

#endif  // LEARNERS_META_STEP_H_

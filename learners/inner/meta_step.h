// MetaStep: one update of meta-training, with a state that can be saved.
#ifndef LEARNERS_INNER_META_STEP_H_
#define LEARNERS_INNER_META_STEP_H_

#include <cstdint>
#include <functional>

#include "absl/status/statusor.h"
#include "learners/inner/adamw.h"
#include "learners/inner/gradient_block.h"
#include "learners/inner/moment_owners.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The whole state of meta-training. Training that continues from a saved state gives the same bits as training without
// a break.
struct LearnerState {
  int64_t meta_step = 0;
  ParamList params;
  AdamWState optimizer;
};

LearnerState StartLearning(ParamList params);

// The tasks of one update.
struct MetaBatch {
  int64_t tasks = 1;
  // The number of tasks that are computed as one episode, if the learner supports it (Learner::TakesSeveralTasks).
  int64_t together = 1;
  // Returns tasks first, ..., first + count - 1 as one episode. Called from several threads.
  std::function<Episode(int64_t first, int64_t count)> episode;
  // Other processes that compute a part of the tasks; null: there are none.
  OtherRanks* others = nullptr;
  // Those among which the update is divided; null: this process updates all parameters.
  MomentOwners* owners = nullptr;
};

// The groups of tasks that are computed as one episode.
TaskGroups GroupsOf(const Learner& learner, const Model& model, int64_t meta_step, const MetaBatch& batch);

struct StepStats {
  double query_loss = 0;  // mean over the tasks, as query_accuracy
  double query_accuracy = 0;
  double gradient_norm = 0;  // before clipping
  int64_t gradients = 0;     // number of meta-gradients: one per episode, of one or several tasks
  int64_t recomputed = 0;    // number of those for which the inner steps were recomputed (MetaGradientSpec)
};

// One update by the mean of the tasks' gradients. `total` is the planned number of meta-steps. The gradients are summed
// in the order of the tasks, not in the order in which the tasks end, so that the bits do not depend on the number of
// threads or processes. It is an error if a loss or gradient is not
// finite; the error's text depends on whether the parameters were finite before this step. The error is Cancelled if
// the pool was asked to stop before every task was done. After an error the state is unchanged, unless it is an error
// of MomentOwners::Update.
absl::StatusOr<StepStats> MetaStep(const Learner& learner, const Model& model, const MetaOptimizerSpec& optimizer,
                                   int64_t total, const MetaBatch& batch, TaskPool* pool, LearnerState* state);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_META_STEP_H_

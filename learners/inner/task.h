// Task: what the inner loop of a task needs, and the gradients and steps of that loop.
#ifndef LEARNERS_INNER_TASK_H_
#define LEARNERS_INNER_TASK_H_

#include <cstdint>
#include <vector>

#include "learners/inner/inner_step.h"
#include "learners/inner/loss.h"
#include "learners/inner/task_start.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Everything that stays the same in all inner steps of a task.
struct Task {
  const Model* model = nullptr;
  InnerSpec inner;
  std::vector<InnerRate> rates;
  std::vector<bool> decay;    // for each parameter (numbered as in ModelParams), whether weight decay applies
  std::vector<size_t> moved;  // indices of the parameters that move, ascending
  double pull = 0;            // strength of the pull towards θ_0: see TaskStart
  ModelParams origin;         // θ_0 without a graph, if there is a pull
  Batch support;
  Batch query;
};

// The task that starts at `start`. The caller sets its batches.
Task MakeTask(const Model& model, const InnerSpec& inner, const TaskStart& start);

// The lowest layer (ParamInfo::layer) with a parameter that moves; TopLayer + 1 if none of the model's parameters move.
int FirstMovedLayer(const Task& task);

// The same parameters, but those that move are new leaves that require a gradient.
ModelParams WithMovedLeaves(const Task& task, const ModelParams& params);

// The gradient of L(θ; batch) plus the pull, one tensor per parameter, in the order of θ. Undefined for parameters that
// do not move. If `seen` is not null, it is set to the loss (without the pull) and the accuracy at θ.
ParamList LossGradient(const Task& task, const ModelParams& params, const Batch& batch, bool create_graph,
                       LossAndAccuracy* seen);

// The same batch with Batch::dropout set, for losses that are differentiated.
Batch InTraining(Batch batch);

// The batch of inner step `step`, from 0: the next inner.batch rows in a random order of `support`, or all of it if
// inner.batch is 0. A new order begins when fewer than inner.batch rows are left. The order and the dropout masks of
// the step are computed from support.seed.
Batch StepBatch(const InnerSpec& inner, const Batch& support, int64_t step);

// The batch of the query loss after `step` inner steps: the query set, with a seed for the dropout masks of this step.
Batch QueryBatch(Batch query, int64_t step);

// One inner step without a graph, on StepBatch(task.inner, support, step). For the other arguments, see InnerStep and
// LossGradient.
InnerState PlainStep(const Task& task, int64_t step, double share, const Batch& support, InnerState state,
                     LossAndAccuracy* seen);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_H_

// A task in its inner loop, and the gradients and steps of that loop.
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
  std::vector<bool> decay;    // for each of ModelParams, whether weight decay applies
  std::vector<size_t> moved;  // indices of the parameters that move, ascending
  double pull = 0;            // strength of the pull towards θ_0: see TaskStart
  ModelParams origin;         // θ_0 without a graph, if there is a pull
  Batch support;
  Batch query;
};

// The task that starts at `start`. The caller sets its batches.
Task MakeTask(const Model& model, const InnerSpec& inner, const TaskStart& start);

// The lowest layer (ParamInfo::layer) with a parameter that moves; TopLayer + 1 if no parameter of the model moves.
int FirstMovedLayer(const Task& task);

// The same parameters, with leaves that require a gradient for those that move.
ModelParams WithMovedLeaves(const Task& task, const ModelParams& params);

// The gradients of L(θ; batch) and of the pull with respect to the parameters that move; undefined for the others. One
// per parameter, in the order of θ. If `seen` is not null, it receives the loss and accuracy at θ.
ParamList LossGradient(const Task& task, const ModelParams& params, const Batch& batch, bool create_graph,
                       LossAndAccuracy* seen);

// The same batch with Batch::dropout on, for losses whose gradient is taken.
Batch InTraining(Batch batch);

// The batch of inner step `step`, from 0: the next inner.batch rows of `support`, or all of it, with the step's own
// dropout masks. Both follow from support.seed.
Batch StepBatch(const InnerSpec& inner, const Batch& support, int64_t step);

// The batch of the query loss after `step` inner steps: the query set, with dropout masks of its own.
Batch QueryBatch(Batch query, int64_t step);

// One inner step without a graph, on StepBatch of `support`; arguments as for InnerStep and LossGradient.
InnerState PlainStep(const Task& task, int64_t step, double share, const Batch& support, InnerState state,
                     LossAndAccuracy* seen);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_H_

// Where the inner loop of a task starts.
#ifndef LEARNERS_INNER_TASK_START_H_
#define LEARNERS_INNER_TASK_START_H_

#include <cstdint>
#include <vector>

#include "learners/inner/inner_step.h"
#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The start of a task's inner loop, as a function of the meta-parameters.
struct TaskStart {
  ModelParams params;            // θ_0
  std::vector<InnerRate> rates;  // of each, also of a class head that is still missing
  // λ of the term λ/2 |θ − θ_0|² that is added to the support loss, over what moves.
  double pull = 0;
  // Above 0: the class head is missing. AddPrototypes adds it, with this temperature.
  double temperature = 0;
};

// θ_0 = the model's parameters with constant step sizes, and a class head: that of the answer words if its step size is
// not 0, or the support set's prototypes (Model::prototype_temperature), which are then still missing.
TaskStart PlainStart(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                     const ScopeSpec& adapts);

// Adds the class head if it is missing, by a forward pass over the support set. Differentiable in start->params.
void AddPrototypes(const Model& model, const Batch& support, TaskStart* start);

// If an episode has several tasks, gives each parameter that moves a dimension [tasks] in front: one value per task.
void OneForEachTask(const Model& model, int64_t tasks, TaskStart* start);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_START_H_

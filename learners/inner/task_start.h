// TaskStart: where the inner loop of a task starts.
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
  std::vector<InnerRate> rates;  // for each parameter, also for a class head that is still missing
  // The λ of the term λ/2 |θ − θ_0|² that is added to the support loss. θ are the parameters that move.
  double pull = 0;
  // If it is above 0, the class head is still missing, and AddPrototypes adds it with this temperature.
  double temperature = 0;
};

// The start of most learners: θ_0 are the model's parameters, with constant step sizes. If the model has a
// prototype_temperature, the class head will be the support set's prototypes, but is still missing. Otherwise θ_0
// contains the model's class head if the head's step size is not 0.
TaskStart PlainStart(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                     const ScopeSpec& adapts);

// Adds the class head if it is missing, with a forward pass over the support set. The head is differentiable with
// respect to start->params.
void AddPrototypes(const Model& model, const Batch& support, TaskStart* start);

// If tasks > 1, gives each of the model's parameters that move a leading dimension [tasks], with one value per task.
// Each such parameter must be PerTask (TORCH_CHECK).
void OneForEachTask(const Model& model, int64_t tasks, TaskStart* start);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_TASK_START_H_

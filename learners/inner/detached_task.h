// Where a task's inner loop meets the meta-parameters.
#ifndef LEARNERS_INNER_DETACHED_TASK_H_
#define LEARNERS_INNER_DETACHED_TASK_H_

#include <functional>
#include <vector>

#include "learners/inner/inner_loop.h"
#include "metaprompt/model/episode.h"

namespace metaprompt {

// The meta-parameters as leaves, and the support set (for class vectors that begin as functions of it).
using StartFunction = std::function<TaskStart(const ParamList& meta, const Batch& support)>;

// A task cut off from the meta-parameters that it is a function of, so that the loop's graph and that before it are
// differentiated one after the other, each once.
struct Seam {
  std::vector<bool> learned;
  ParamList leaves;   // the meta-parameters
  Task task;          // step sizes and lowered batches are leaves
  ParamList theta;    // θ_0, leaves
  ParamList origins;  // what the leaves of the loop that a learned meta-parameter leads to were made from,
  ParamList wanted;   // and those leaves

  // ∂/∂ meta-parameters from ∂/∂ wanted (undefined: none).
  ParamList ToMeta(const ParamList& of_wanted) const;
};

Seam CutOff(const Model& model, const ParamList& meta, const std::vector<bool>& learned, const Episode& episode,
            const StartFunction& start, const InnerSpec& inner);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_DETACHED_TASK_H_

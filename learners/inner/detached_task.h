// DetachedTask: a task whose inner loop has its own autograd graph. The computation from the meta-parameters to the
// start of the inner loop has another graph.
#ifndef LEARNERS_INNER_DETACHED_TASK_H_
#define LEARNERS_INNER_DETACHED_TASK_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "learners/inner/task.h"
#include "learners/inner/task_start.h"
#include "learners/learner.h"
#include "metaprompt/model/episode.h"

namespace metaprompt {

// Computes the start of a task from the meta-parameters, which are leaves, and the support set. A parameter of the
// model that starts at its meta-learned value must be returned as the leaf itself, at the same index.
using StartFunction = std::function<TaskStart(const MetaParams& meta, const Batch& support)>;

// The graph of the inner loop starts at leaves (`inputs`), which are copies of the tensors that were computed from the
// meta-parameters. The gradient is computed in two parts. First the inner loop is differentiated with respect to the
// leaves, in any way. Then ToMeta differentiates the other graph, once.
struct DetachedTask {
  // A leaf at which the graph of the inner loop starts. It depends on a meta-parameter that is learned.
  struct Input {
    at::Tensor leaf;
    at::Tensor origin;   // the original of the leaf, with the graph from the meta-parameters
    int64_t place = -1;  // index in theta; -1: a learned step size, or a tensor of a batch's cache
  };

  Task task;          // its learned step sizes and the caches of its batches are leaves
  ModelParams theta;  // θ_0, as leaves
  std::vector<Input> inputs;
  ParamList meta;             // the meta-parameters, as leaves, in the order of MetaInfos
  std::vector<bool> learned;  // for each of `meta`

  // The leaves of `inputs`.
  ParamList InputLeaves() const;

  // For each input, its index in task.moved; -1: it is not a parameter that moves.
  std::vector<int64_t> PlacesInMoved() const;

  // Computes the gradients with respect to the meta-parameters from those with respect to the inputs (undefined: zero),
  // by the chain rule. Undefined for meta-parameters that are not learned.
  ParamList ToMeta(const ParamList& of_inputs) const;
};

// `meta` are the meta-parameters, in the order of MetaInfos. learned[i] is whether the gradient with respect to meta[i]
// is needed.
DetachedTask Detach(const Model& model, const ParamList& meta, const std::vector<bool>& learned, const Episode& episode,
                    const StartFunction& start, const InnerSpec& inner);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_DETACHED_TASK_H_

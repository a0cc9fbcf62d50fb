// A task whose inner loop has a graph of its own, apart from the graph that leads to it from the meta-parameters.
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

// From the meta-parameters, as leaves, and the support set, from which class vectors may start, to the task's start. A
// parameter of the model that starts as it is meta-learned is handed on as the leaf itself, at its own place.
using StartFunction = std::function<TaskStart(const MetaParams& meta, const Batch& support)>;

// The inner loop's graph starts at leaves in place of the tensors that were computed from the meta-parameters. So each
// of the two graphs is differentiated once, one after the other, however the loop is differentiated.
struct DetachedTask {
  // A leaf that the inner loop starts from, if a learned meta-parameter leads to it.
  struct Input {
    at::Tensor leaf;
    at::Tensor origin;   // what the leaf is a copy of, with the graph from the meta-parameters
    int64_t place = -1;  // in theta; -1: a step size, or what Model::Lowered computed of a batch
  };

  Task task;          // its learned step sizes and lowered batches are leaves
  ModelParams theta;  // θ_0, as leaves
  std::vector<Input> inputs;
  ParamList meta;             // the meta-parameters, as leaves, in the order of MetaInfos
  std::vector<bool> learned;  // for each of `meta`

  // The leaves of `inputs`.
  ParamList InputLeaves() const;

  // For each input, its place in task.moved; -1: it is no parameter that moves.
  std::vector<int64_t> PlacesInMoved() const;

  // From the gradients in the inputs (undefined: zero) to those in the meta-parameters, by the chain rule. Undefined
  // for what is not learned.
  ParamList ToMeta(const ParamList& of_inputs) const;
};

// `meta`: the meta-parameters, in the order of MetaInfos, of which `learned` are to have a gradient.
DetachedTask Detach(const Model& model, const ParamList& meta, const std::vector<bool>& learned, const Episode& episode,
                    const StartFunction& start, const InnerSpec& inner);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_DETACHED_TASK_H_

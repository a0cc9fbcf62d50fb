#include "learners/inner/detached_task.h"

#include <ATen/ATen.h>

#include "learners/inner/gradients.h"

namespace metaprompt {

DetachedTask Detach(const Model& model, const ParamList& meta, const std::vector<bool>& learned, const Episode& episode,
                    const StartFunction& start, const InnerSpec& inner) {
  DetachedTask detached;
  detached.learned = learned;
  detached.meta = Leaves(meta, learned);
  TaskStart begin = start(ByName(model, detached.meta), episode.support);
  AddPrototypes(model, episode.support, &begin);
  OneForEachTask(model, episode.support.tasks, &begin);
  detached.task = MakeTask(model, inner, begin);
  // Layers below the lowest one that moves are computed once, not in each step.
  const bool steps = inner.steps() > 0;
  const int first = FirstMovedLayer(detached.task);
  const Batch support = InTraining(episode.support);
  const Batch query = InTraining(episode.query);
  detached.task.support = steps ? model.CacheBelow(begin.params, support, first) : support;
  detached.task.query = steps ? model.CacheBelow(begin.params, query, first) : query;
  detached.theta = begin.params;
  const auto detach = [&](const at::Tensor& origin, int64_t place) {
    const at::Tensor leaf = origin.detach().requires_grad_(origin.requires_grad());
    if (origin.requires_grad()) {
      detached.inputs.push_back({leaf, origin, place});
    }
    return leaf;
  };
  for (size_t i = 0; i < detached.theta.size(); ++i) {
    detached.theta[i] = detach(detached.theta[i], static_cast<int64_t>(i));
  }
  for (InnerRate& rate : detached.task.rates) {
    if (rate.learned.defined()) {
      rate.learned = detach(rate.learned, -1);
    }
  }
  for (Batch* batch : {&detached.task.support, &detached.task.query}) {
    if (batch->cached != nullptr) {
      batch->cached = batch->cached->Map([&](const at::Tensor& tensor, Cached::Rows) { return detach(tensor, -1); });
    }
  }
  for (const size_t i : detached.task.moved) {
    detached.theta[i].requires_grad_(true);
  }
  return detached;
}

ParamList DetachedTask::InputLeaves() const {
  ParamList leaves;
  for (const Input& input : inputs) {
    leaves.push_back(input.leaf);
  }
  return leaves;
}

std::vector<int64_t> DetachedTask::PlacesInMoved() const {
  std::vector<int64_t> in_moved(theta.size(), -1);
  for (size_t j = 0; j < task.moved.size(); ++j) {
    in_moved[task.moved[j]] = static_cast<int64_t>(j);
  }
  std::vector<int64_t> places;
  for (const Input& input : inputs) {
    places.push_back(input.place < 0 ? -1 : in_moved[static_cast<size_t>(input.place)]);
  }
  return places;
}

ParamList DetachedTask::ToMeta(const ParamList& of_inputs) const {
  ParamList grads(meta.size());
  ParamList outputs;
  ParamList weights;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool in_model = inputs[i].place >= 0 && inputs[i].place < static_cast<int64_t>(theta.params.size());
    if (in_model && inputs[i].origin.is_leaf()) {  // the meta-parameter itself
      grads[static_cast<size_t>(inputs[i].place)] = of_inputs[i];
    } else if (of_inputs[i].defined()) {
      outputs.push_back(inputs[i].origin);
      weights.push_back(of_inputs[i]);
    }
  }
  ParamList leaves;
  std::vector<size_t> places;
  for (size_t i = 0; i < meta.size(); ++i) {
    if (learned[i]) {
      leaves.push_back(meta[i]);
      places.push_back(i);
    }
  }
  const ParamList through = Gradients(outputs, leaves, weights, false, false);
  for (size_t i = 0; i < places.size(); ++i) {
    Add(through[i], &grads[places[i]]);
  }
  return grads;
}

}  // namespace metaprompt

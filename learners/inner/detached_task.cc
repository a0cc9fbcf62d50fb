#include "learners/inner/detached_task.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace metaprompt {
namespace {}  // namespace

Seam CutOff(const Model& model, const ParamList& meta, const std::vector<bool>& learned, const Episode& episode,
            const StartFunction& start, const InnerSpec& inner) {
  Seam seam;
  seam.learned = learned;
  seam.leaves = Leaves(meta, learned);
  TaskStart begin = start(seam.leaves, episode.support);
  AddPrototypes(model, episode.support, &begin);
  OneForEachTask(model, episode.support.tasks, &begin);
  seam.task = MakeTask(model, inner, begin);
  // What lies below all that moves is computed once.
  const bool steps = inner.steps() > 0;
  const int first = FirstMovedLayer(seam.task);
  seam.task.support = steps ? model.Lowered(begin.params, episode.support, first) : episode.support;
  seam.task.query = steps ? model.Lowered(begin.params, episode.query, first) : episode.query;
  seam.theta = begin.params;
  // In a fixed order: parameters, learned step sizes, what is cached of both sets.
  const auto cut = [&](const at::Tensor& origin) {
    const at::Tensor leaf = origin.detach().requires_grad_(origin.requires_grad());
    if (origin.requires_grad()) {
      seam.origins.push_back(origin);
      seam.wanted.push_back(leaf);
    }
    return leaf;
  };
  for (at::Tensor& param : seam.theta) {
    param = cut(param);
  }
  for (InnerRate& rate : seam.task.rates) {
    if (rate.learned.defined()) {
      rate.learned = cut(rate.learned);
    }
  }
  for (Batch* batch : {&seam.task.support, &seam.task.query}) {
    if (batch->cached != nullptr) {
      batch->cached = batch->cached->Map([&](const at::Tensor& tensor, Cached::Rows) { return cut(tensor); });
    }
  }
  for (const size_t i : seam.task.moved) {
    seam.theta[i].requires_grad_(true);
  }
  return seam;
}

ParamList Seam::ToMeta(const ParamList& of_wanted) const {
  ParamList grads(leaves.size());
  ParamList outputs;
  ParamList weights;
  for (size_t i = 0; i < origins.size(); ++i) {
    const auto leaf =
        std::find_if(leaves.begin(), leaves.end(), [&](const at::Tensor& l) { return l.is_same(origins[i]); });
    if (leaf != leaves.end()) {
      grads[static_cast<size_t>(leaf - leaves.begin())] = of_wanted[i];
    } else if (of_wanted[i].defined()) {
      outputs.push_back(origins[i]);
      weights.push_back(of_wanted[i]);
    }
  }
  ParamList inputs;
  std::vector<size_t> places;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (learned[i]) {
      inputs.push_back(leaves[i]);
      places.push_back(i);
    }
  }
  const ParamList through = Gradients(outputs, inputs, weights, false, false);
  for (size_t i = 0; i < places.size(); ++i) {
    Add(through[i], &grads[places[i]]);
  }
  return grads;
}

}  // namespace metaprompt

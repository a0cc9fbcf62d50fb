#include "learners/maml.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "learners/inner_loop.h"

namespace metaprompt {
namespace {

// `params` such that a gradient in them takes the class head, which stands behind the first `own`, for a parameter
// apart: it does not go on to the words that the head is a function of. The meta-gradient, taken in what `params` came
// from, does.
ParamList ApartFromHead(const ParamList& params, size_t own) {
  ParamList apart;
  apart.reserve(params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    const at::Tensor& param = params[i];
    const bool constant_head = i >= own && !param.requires_grad();
    apart.push_back(constant_head ? param.detach().requires_grad_(true) : param.view_as(param));
  }
  return apart;
}

}  // namespace

std::vector<double> MultiStepWeights(int steps, int64_t epoch, int64_t epochs) {
  const double n = steps;
  const double share = static_cast<double>(epoch) / static_cast<double>(epochs);
  const double early = steps == 1 ? 0.0 : std::max((1.0 - share) / n, 0.03 / n);
  std::vector<double> weights(static_cast<size_t>(steps), early);
  weights.back() = 1.0 - early * (n - 1.0);
  return weights;
}

std::vector<double> Maml::StepWeights(int64_t meta_step) const {
  const int steps = std::max(1, spec_.inner_steps());
  if (spec_.has_multi_step()) {
    return MultiStepWeights(steps, meta_step / spec_.multi_step().meta_steps_per_epoch(), spec_.multi_step().epochs());
  }
  std::vector<double> weights(static_cast<size_t>(steps), 0.0);
  weights.back() = 1.0;
  return weights;
}

InnerRateSpec Maml::rates() const {
  return {spec_.adapts(), spec_.encoder_inner_lr(), spec_.prompt_inner_lr(), spec_.class_inner_lr()};
}

ParamList Maml::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const TaskParams task = StartTask(model, meta, support.answers, rates());
  return Descend(model, task.params, support, task.rates, spec_.inner_steps());
}

TaskGradient Maml::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                int64_t meta_step) const {
  const bool second = spec_.order() == MamlSpec::SECOND;
  const std::vector<bool> learned = InScope(model.params(), spec_.learns());
  const std::vector<double> weights = StepWeights(meta_step);

  const at::AutoGradMode with_graph(true);
  // The initialisation as leaves, and the task's parameters as functions of them.
  std::vector<bool> wanted = learned;
  const std::vector<bool> adapted = InScope(model.params(), spec_.adapts());
  for (size_t i = 0; i < wanted.size(); ++i) {
    wanted[i] = wanted[i] || adapted[i];
  }
  const ParamList start = Leaves(meta, wanted);
  const TaskParams begin = StartTask(model, start, episode.support.answers, rates());
  wanted.resize(begin.params.size(), true);
  // What ∇ is taken of: the learned parameters, and the class head behind them.
  const auto sought = [&](const ParamList& params) {
    ParamList selected;
    for (size_t i = 0; i < params.size(); ++i) {
      if (i >= learned.size() || learned[i]) {
        selected.push_back(params[i]);
      }
    }
    return selected;
  };
  ParamList sums(sought(begin.params).size());
  const auto accumulate = [&](const std::vector<at::Tensor>& of, const ParamList& at, const ParamList& outer) {
    const ParamList grads = torch::autograd::grad(of, at, outer, /*retain_graph=*/false, /*create_graph=*/false,
                                                  /*allow_unused=*/true);
    for (size_t i = 0; i < grads.size(); ++i) {
      sums[i] = !sums[i].defined() ? grads[i] : grads[i].defined() ? sums[i] + grads[i] : sums[i];
    }
  };

  TaskGradient task;
  ParamList theta = second ? ApartFromHead(begin.params, meta.size()) : Leaves(begin.params, wanted);
  at::Tensor total;  // second order: Σ_k w_k L(θ_k; Q), a function of `start`
  for (size_t k = 0; k < weights.size(); ++k) {
    if (spec_.inner_steps() > 0) {
      theta = GradientStep(model, theta, episode.support, begin.rates, second).params;
      if (!second) {
        theta = Leaves(theta, wanted);
      }
    }
    if (weights[k] == 0) {
      continue;
    }
    const ModelOutput output = model.Forward(theta, episode.query);
    const at::Tensor loss = model.Loss(output, episode.query);
    if (k + 1 == weights.size()) {
      task.query_loss = loss.item<double>();
      task.query_accuracy = Accuracy(output.logits, episode.query.labels);
    }
    const at::Tensor weighted = loss * weights[k];
    if (second) {
      total = total.defined() ? total + weighted : weighted;
    } else {
      accumulate({weighted}, sought(theta), {});
    }
  }
  const ParamList learned_start = sought(start);
  if (second) {
    accumulate({total}, learned_start, {});
  } else {
    // ∂θ_k/∂θ_0 is the identity, but the class head's θ_0 is itself a function of the vocabulary's.
    ParamList heads;
    ParamList outer;
    for (size_t i = learned_start.size(); i < sums.size(); ++i) {
      const at::Tensor& head = begin.params[meta.size() + i - learned_start.size()];
      if (sums[i].defined() && head.requires_grad()) {
        heads.push_back(head);
        outer.push_back(sums[i]);
      }
    }
    if (!heads.empty()) {
      accumulate(heads, learned_start, outer);
    }
  }
  size_t next = 0;
  task.grads.resize(meta.size());
  for (size_t i = 0; i < meta.size(); ++i) {
    if (learned[i]) {
      task.grads[i] = sums[next++];
    }
  }
  return task;
}

}  // namespace metaprompt

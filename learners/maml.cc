#include "learners/maml.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>

#include "learners/inner_loop.h"

namespace metaprompt {

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

ParamList Maml::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const std::vector<double> rates =
      InnerRates(model.params(), spec_.adapts(), spec_.encoder_inner_lr(), spec_.prompt_inner_lr());
  return Descend(model, meta, support, rates, spec_.inner_steps());
}

TaskGradient Maml::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                int64_t meta_step) const {
  const bool second = spec_.order() == MamlSpec::SECOND;
  const std::vector<bool> learned = InScope(model.params(), spec_.learns());
  const std::vector<bool> adapted = InScope(model.params(), spec_.adapts());
  const std::vector<double> rates =
      InnerRates(model.params(), spec_.adapts(), spec_.encoder_inner_lr(), spec_.prompt_inner_lr());
  const std::vector<double> weights = StepWeights(meta_step);
  std::vector<bool> either(learned.size());
  for (size_t i = 0; i < learned.size(); ++i) {
    either[i] = learned[i] || adapted[i];
  }
  const auto learned_of = [&](const ParamList& params) {
    ParamList selected;
    for (size_t i = 0; i < params.size(); ++i) {
      if (learned[i]) {
        selected.push_back(params[i]);
      }
    }
    return selected;
  };

  const at::AutoGradMode with_graph(true);
  TaskGradient task;
  ParamList sums(learned_of(meta).size());
  const auto accumulate = [&](const at::Tensor& loss, const ParamList& at) {
    const ParamList grads =
        torch::autograd::grad({loss}, at, {}, /*retain_graph=*/false, /*create_graph=*/false, /*allow_unused=*/true);
    for (size_t i = 0; i < grads.size(); ++i) {
      sums[i] = !sums[i].defined() ? grads[i] : grads[i].defined() ? sums[i] + grads[i] : sums[i];
    }
  };

  const ParamList start = Leaves(meta, either);
  ParamList theta = start;
  at::Tensor total;  // second order: Σ_k w_k L(θ_k; Q), a function of `start`
  for (size_t k = 0; k < weights.size(); ++k) {
    if (spec_.inner_steps() > 0) {
      theta = GradientStep(model, theta, episode.support, rates, second).params;
      if (!second) {
        theta = Leaves(theta, either);
      }
    }
    const bool final = k + 1 == weights.size();
    if (weights[k] == 0) {
      continue;
    }
    const ModelOutput output = model.Forward(theta, episode.query);
    const at::Tensor loss = model.Loss(output, episode.query);
    if (final) {
      task.query_loss = loss.item<double>();
      task.query_accuracy = Accuracy(output.logits, episode.query.labels);
    }
    const at::Tensor weighted = loss * weights[k];
    if (second) {
      total = total.defined() ? total + weighted : weighted;
    } else {
      accumulate(weighted, learned_of(theta));
    }
  }
  if (second) {
    accumulate(total, learned_of(start));
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

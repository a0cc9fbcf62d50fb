#include "learners/reptile.h"

#include <ATen/ATen.h>

#include "learners/inner_loop.h"

namespace metaprompt {

InnerRateSpec Reptile::rates() const {
  return {spec_.adapts(), spec_.encoder_inner_lr(), spec_.prompt_inner_lr(), spec_.class_inner_lr()};
}

ParamList Reptile::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const TaskParams task = StartTask(model, meta, support.answers, rates());
  return Descend(model, task.params, support, task.rates, spec_.inner_steps());
}

TaskGradient Reptile::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                   int64_t /*meta_step*/) const {
  const std::vector<bool> adapted = InScope(model.params(), spec_.adapts());
  TaskParams theta = StartTask(model, Detached(meta), episode.support.answers, rates());
  std::vector<bool> wanted;
  wanted.reserve(theta.rates.size());
  for (const double rate : theta.rates) {
    wanted.push_back(rate != 0);
  }
  TaskGradient task;
  for (int k = 0; k < spec_.inner_steps(); ++k) {
    const Batch& batch = spec_.train_on_query() && k % 2 == 1 ? episode.query : episode.support;
    StepResult step = GradientStep(model, Leaves(theta.params, wanted), batch, theta.rates, /*differentiable=*/false);
    theta.params = std::move(step.params);
    task.query_loss = step.loss;
    task.query_accuracy = step.accuracy;
  }
  task.grads.resize(meta.size());
  for (size_t i = 0; i < meta.size(); ++i) {
    if (adapted[i]) {
      task.grads[i] = meta[i].detach() - theta.params[i];  // θ − θ_K
    }
  }
  return task;
}

}  // namespace metaprompt

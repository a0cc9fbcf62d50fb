#include "learners/reptile.h"

#include <ATen/ATen.h>

#include "learners/inner_loop.h"

namespace metaprompt {

ParamList Reptile::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const std::vector<double> rates =
      InnerRates(model.params(), spec_.adapts(), spec_.encoder_inner_lr(), spec_.prompt_inner_lr());
  return Descend(model, meta, support, rates, spec_.inner_steps());
}

TaskGradient Reptile::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                   int64_t /*meta_step*/) const {
  const std::vector<double> rates =
      InnerRates(model.params(), spec_.adapts(), spec_.encoder_inner_lr(), spec_.prompt_inner_lr());
  const std::vector<bool> adapted = InScope(model.params(), spec_.adapts());
  TaskGradient task;
  ParamList theta = meta;
  for (int k = 0; k < spec_.inner_steps(); ++k) {
    const Batch& batch = spec_.train_on_query() && k % 2 == 1 ? episode.query : episode.support;
    StepResult step = GradientStep(model, Leaves(theta, adapted), batch, rates, /*differentiable=*/false);
    theta = std::move(step.params);
    task.query_loss = step.loss;
    task.query_accuracy = step.accuracy;
  }
  task.grads.resize(meta.size());
  for (size_t i = 0; i < meta.size(); ++i) {
    if (adapted[i]) {
      task.grads[i] = meta[i].detach() - theta[i];  // θ − θ_K
    }
  }
  return task;
}

}  // namespace metaprompt

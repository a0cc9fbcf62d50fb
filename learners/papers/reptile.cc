#include "learners/papers/reptile.h"

#include <ATen/ATen.h>

#include "learners/inner/descent.h"
#include "learners/inner/gradients.h"

namespace metaprompt {

TaskGradient Reptile::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                   int64_t /*meta_step*/) const {
  const InnerSpec& inner = spec().inner();
  TaskStart start = Start(model, ByName(model, WithoutGraph(meta)), episode.support, inner, /*learned_rates=*/true);
  AddPrototypes(model, episode.support, &start);
  OneForEachTask(model, episode.support.tasks, &start);
  const std::vector<const Batch*> turns = spec().reptile().train_on_query()
                                              ? std::vector<const Batch*>{&episode.support, &episode.query}
                                              : std::vector<const Batch*>{&episode.support};
  const Descent descent = DescendInTurns(model, start, turns, inner);
  TaskGradient task;
  task.query_loss = descent.last_loss;
  task.query_accuracy = descent.last_accuracy * static_cast<double>(episode.support.tasks);
  task.grads.resize(meta.size());
  const std::vector<bool> learned = Learned(model, meta);
  for (size_t i = 0; i < model.params().size(); ++i) {
    if (learned[i] && start.rates[i].moves()) {
      const at::Tensor moved = start.params.params[i] - descent.params.params[i];  // θ − θ_K
      task.grads[i] = moved.dim() > meta[i].dim() ? moved.sum(0) : moved;
    }
  }
  return task;
}

}  // namespace metaprompt

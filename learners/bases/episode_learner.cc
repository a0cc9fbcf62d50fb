#include "learners/bases/episode_learner.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "learners/inner/gradients.h"
#include "learners/inner/loss.h"
#include "learners/inner/scope.h"
#include "learners/inner/task.h"

namespace metaprompt {

at::Tensor EpisodeLearner::TrainingLoss(const MetaParams& /*meta*/, const at::Tensor& /*support*/,
                                        const at::Tensor& /*query*/, const at::Tensor& query_logits,
                                        const Episode& episode) const {
  return CrossEntropy(query_logits, episode.query.labels);
}

AdaptedParams EpisodeLearner::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const at::NoGradGuard no_grad;
  const MetaParams named = ByName(model, WithoutGraph(meta));
  const at::Tensor features = model.Forward(named.model, support).features;
  return {named.model, named.own, WithoutGraph(Fit(named, features, support))};
}

at::Tensor EpisodeLearner::Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const {
  const at::Tensor features = model.Forward(adapted.model, query).features;
  return Predict({adapted.model.params, adapted.own}, features, adapted.fitted);
}

TaskGradient EpisodeLearner::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                          int64_t /*meta_step*/) const {
  const at::AutoGradMode with_graph(true);
  std::vector<bool> learned = InScope(model.params(), spec_.learns());
  learned.resize(meta.size(), true);
  const ParamList leaves = Leaves(meta, learned);
  const MetaParams named = ByName(model, leaves);
  const at::Tensor support = model.Forward(named.model, InTraining(episode.support)).features;
  const at::Tensor query = model.Forward(named.model, InTraining(episode.query)).features;
  const at::Tensor logits = Predict(named, query, Fit(named, support, episode.support));
  const at::Tensor loss = TrainingLoss(named, support, query, logits, episode);
  TaskGradient task;
  task.query_loss = CrossEntropy(logits.detach(), episode.query.labels).item<double>();
  task.query_accuracy = Accuracy(logits, episode.query.labels);
  task.objective = loss.item<double>();
  ParamList inputs;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (learned[i]) {
      inputs.push_back(leaves[i]);
    }
  }
  const ParamList grads = Gradients({loss}, inputs, {}, false, false);
  task.grads.resize(meta.size());
  size_t next = 0;
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (learned[i]) {
      task.grads[i] = grads[next++];
    }
  }
  return task;
}

}  // namespace metaprompt

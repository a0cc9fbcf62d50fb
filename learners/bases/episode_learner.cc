#include "learners/bases/episode_learner.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "learners/inner/gradients.h"
#include "learners/inner/loss.h"
#include "learners/inner/scope.h"

namespace metaprompt {
namespace {

ParamList ModelPart(const Model& model, const ParamList& meta) {
  return {meta.begin(), meta.begin() + static_cast<int64_t>(model.params().size())};
}

}  // namespace

at::Tensor EpisodeLearner::TrainingLoss(const ParamList& /*meta*/, const at::Tensor& /*support*/,
                                        const at::Tensor& /*query*/, const at::Tensor& query_logits,
                                        const Episode& episode) const {
  return CrossEntropy(query_logits, episode.query.labels);
}

ParamList EpisodeLearner::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const at::NoGradGuard no_grad;
  ParamList adapted = WithoutGraph(meta);
  for (at::Tensor& tensor : Fit(meta, model.Forward(ModelPart(model, meta), support).features, support)) {
    adapted.push_back(tensor.detach());
  }
  return adapted;
}

at::Tensor EpisodeLearner::Logits(const Model& model, const ParamList& adapted, const Batch& query) const {
  const auto own = static_cast<int64_t>(model.params().size() + OwnParams(model).size());
  const ParamList meta(adapted.begin(), adapted.begin() + own);
  const ParamList fitted(adapted.begin() + own, adapted.end());
  return Predict(meta, model.Forward(ModelPart(model, meta), query).features, fitted);
}

TaskGradient EpisodeLearner::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                          int64_t /*meta_step*/) const {
  const at::AutoGradMode with_graph(true);
  std::vector<bool> learned = InScope(model.params(), spec_.learns());
  learned.resize(meta.size(), true);
  const ParamList leaves = Leaves(meta, learned);
  const ParamList params = ModelPart(model, leaves);
  const at::Tensor support = model.Forward(params, episode.support).features;
  const at::Tensor query = model.Forward(params, episode.query).features;
  const at::Tensor logits = Predict(leaves, query, Fit(leaves, support, episode.support));
  const at::Tensor loss = TrainingLoss(leaves, support, query, logits, episode);
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

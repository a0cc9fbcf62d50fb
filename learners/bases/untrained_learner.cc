#include "learners/bases/untrained_learner.h"

#include <ATen/core/grad_mode.h>

#include "learners/inner/loss.h"

namespace metaprompt {

TaskGradient UntrainedLearner::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                            int64_t /*meta_step*/) const {
  const at::NoGradGuard no_grad;
  TaskGradient task;
  task.grads.resize(meta.size());
  const at::Tensor logits = Logits(model, Adapt(model, meta, episode.support), episode.query);
  task.query_loss = CrossEntropy(logits, episode.query.labels).item<double>();
  task.query_accuracy = Accuracy(logits, episode.query.labels);
  return task;
}

}  // namespace metaprompt

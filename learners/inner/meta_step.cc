#include "learners/inner/meta_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace metaprompt {

LearnerState StartLearning(ParamList params) {
  LearnerState state;
  state.optimizer = NoMoments(params);
  state.params = std::move(params);
  return state;
}

absl::StatusOr<StepStats> MetaStep(const Learner& learner, const Model& model, const MetaOptimizerSpec& optimizer,
                                   int64_t total, const MetaBatch& batch, TaskPool* pool, LearnerState* state) {
  struct Result {
    TaskGradient gradient;
    at::Tensor rows;
  };
  const std::vector<ParamInfo> infos = MetaInfos(model, learner);
  const int64_t tasks = batch.tasks;
  const int64_t together = learner.TakesSeveralTasks(model) ? batch.together : 1;
  const int64_t groups = (tasks + together - 1) / together;
  std::vector<Result> results(static_cast<size_t>(groups));
  pool->Run(groups, [&](int64_t g) {
    const int64_t first = g * together;
    const Episode episode =
        OnDevice(batch.episode(first, std::min(together, tasks - first)), state->params[0].device());
    const ParamList local = LocalParams(infos, state->params, episode.rows);
    results[static_cast<size_t>(g)] = {learner.MetaGradient(model, local, episode, state->meta_step), episode.rows};
  });

  StepStats stats;
  ParamList sums(state->params.size());
  for (const Result& result : results) {
    const TaskGradient& task = result.gradient;
    stats.query_loss += task.query_loss / static_cast<double>(tasks);
    stats.query_accuracy += task.query_accuracy / static_cast<double>(tasks);
    ++stats.gradients;
    stats.recomputed += task.recomputed ? 1 : 0;
    for (size_t i = 0; i < sums.size(); ++i) {
      if (task.grads[i].defined() && !sums[i].defined()) {
        sums[i] = at::zeros_like(state->params[i]);
      }
    }
    AddLocal(infos, task.grads, result.rows, &sums);
  }
  bool finite = std::isfinite(stats.query_loss);
  for (at::Tensor& sum : sums) {
    if (sum.defined()) {
      if (tasks > 1) {
        sum.div_(static_cast<double>(tasks));
      }
      finite = finite && std::isfinite(sum.sum().item<double>());
    }
  }
  if (!finite) {
    return absl::FailedPreconditionError(
        absl::StrCat("meta-step ", state->meta_step, ": the loss or its gradient is not finite (loss ",
                     stats.query_loss, "); smaller inner or meta learning rates may help"));
  }
  stats.gradient_norm = AdamWUpdate(optimizer, infos, total, &sums, &state->params, &state->optimizer);
  ++state->meta_step;
  return stats;
}

}  // namespace metaprompt

#include "learners/meta_step.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"

namespace metaprompt {

LearnerState StartLearning(ParamList params) {
  LearnerState state;
  state.optimizer = ZeroMoments(params);
  state.params = std::move(params);
  return state;
}

absl::StatusOr<StepStats> MetaStep(const Learner& learner, const Model& model, const MetaOptimizerSpec& optimizer,
                                   int64_t total, int64_t tasks, const std::function<Episode(int64_t)>& episode,
                                   TaskPool* pool, LearnerState* state) {
  struct Result {
    TaskGradient gradient;
    at::Tensor rows;
  };
  std::vector<Result> results(static_cast<size_t>(tasks));
  pool->Run(tasks, [&](int64_t i) {
    const Episode dealt = OnDevice(episode(i), state->params[0].device());
    const ParamList local = LocalParams(model.params(), state->params, dealt.rows);
    results[static_cast<size_t>(i)] = {learner.MetaGradient(model, local, dealt, state->meta_step), dealt.rows};
  });

  StepStats stats;
  ParamList sums(state->params.size());
  for (const Result& result : results) {
    const TaskGradient& task = result.gradient;
    stats.query_loss += task.query_loss / static_cast<double>(tasks);
    stats.query_accuracy += task.query_accuracy / static_cast<double>(tasks);
    for (size_t i = 0; i < sums.size(); ++i) {
      if (task.grads[i].defined() && !sums[i].defined()) {
        sums[i] = at::zeros_like(state->params[i]);
      }
    }
    AddLocal(model.params(), task.grads, result.rows, &sums);
  }
  bool finite = std::isfinite(stats.query_loss);
  for (at::Tensor& sum : sums) {
    if (sum.defined()) {
      sum.div_(static_cast<double>(tasks));
      finite = finite && std::isfinite(sum.sum().item<double>());
    }
  }
  if (!finite) {
    return absl::FailedPreconditionError(
        absl::StrCat("meta-step ", state->meta_step, ": the loss or its gradient is not finite (loss ",
                     stats.query_loss, "); smaller inner or meta learning rates may help"));
  }
  stats.gradient_norm = AdamWUpdate(optimizer, model.params(), total, &sums, &state->params, &state->optimizer);
  ++state->meta_step;
  return stats;
}

}  // namespace metaprompt

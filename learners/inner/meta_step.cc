#include "learners/inner/meta_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {
namespace {

// An error if the loss or a gradient is not finite. Its text depends on whether the parameters were finite before the
// step.
absl::Status CheckStep(const std::vector<ParamInfo>& infos, const StepStats& stats, const ParamList& grads,
                       const LearnerState& state) {
  absl::Status status = std::isfinite(stats.query_loss)
                            ? CheckFinite(infos, grads)
                            : absl::FailedPreconditionError(absl::StrCat("the query loss is ", stats.query_loss));
  if (status.ok()) {
    return status;
  }
  const std::string at = absl::StrCat("meta-step ", state.meta_step, ": ");
  if (const absl::Status before = CheckFinite(infos, state.params); !before.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(at, "the parameters are not finite since ",
                     state.meta_step == 0 ? "the beginning"
                                          : absl::StrCat("the update of meta-step ", state.meta_step - 1,
                                                         ", so that smaller rates in learner.meta_optimizer may help"),
                     ": ", before.message()));
  }
  return absl::FailedPreconditionError(
      absl::StrCat(at, std::isfinite(stats.query_loss) ? "the gradient of " : "", status.message(),
                   "; the parameters are finite before the step, so that smaller inner step sizes may help"));
}

}  // namespace

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
  const int64_t done = pool->Run(groups, [&](int64_t g) {
    const int64_t first = g * together;
    const Episode episode =
        OnDevice(batch.episode(first, std::min(together, tasks - first)), state->params[0].device());
    const ParamList local = LocalParams(infos, state->params, episode.rows);
    results[static_cast<size_t>(g)] = {learner.MetaGradient(model, local, episode, state->meta_step), episode.rows};
  });
  if (done < groups) {
    return absl::CancelledError(absl::StrCat("stopped in meta-step ", state->meta_step));
  }

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
  for (at::Tensor& sum : sums) {
    if (sum.defined() && tasks > 1) {
      sum.div_(static_cast<double>(tasks));
    }
  }
  RETURN_IF_ERROR(CheckStep(infos, stats, sums, *state));
  stats.gradient_norm = AdamWUpdate(optimizer, infos, total, sums, &state->params, &state->optimizer);
  ++state->meta_step;
  return stats;
}

}  // namespace metaprompt

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

TaskGroups GroupsOf(const Learner& learner, const Model& model, int64_t meta_step, const MetaBatch& batch) {
  const int64_t tasks = batch.tasks;
  const int64_t together = learner.TakesSeveralTasks(model) ? batch.together : 1;
  TaskGroups groups;
  groups.meta_step = meta_step;
  groups.count = (tasks + together - 1) / together;
  groups.episode = [tasks, together, episode = batch.episode](int64_t g) {
    return episode(g * together, std::min(together, tasks - g * together));
  };
  return groups;
}

absl::StatusOr<StepStats> MetaStep(const Learner& learner, const Model& model, const MetaOptimizerSpec& optimizer,
                                   int64_t total, const MetaBatch& batch, TaskPool* pool, LearnerState* state) {
  const std::vector<ParamInfo> infos = MetaInfos(model, learner);
  const TaskGroups groups = GroupsOf(learner, model, state->meta_step, batch);
  OtherRanks* const others = batch.others;
  if (others != nullptr) {
    RETURN_IF_ERROR(others->Begin(state->meta_step, groups.count, state->params));
  }
  GradientBlock block;
  const int64_t first = others == nullptr ? 0 : others->First(groups.count);
  if (const absl::Status computed =
          block.Compute(learner, model, infos, state->params, groups, first, groups.count, pool);
      !computed.ok()) {
    if (others != nullptr) {
      others->Drop();
    }
    return computed;
  }
  ParamList sums(state->params.size());
  std::vector<GroupFacts> facts;
  if (others != nullptr) {
    RETURN_IF_ERROR(others->Finish(infos, state->params, &sums, &facts));
  }
  for (size_t i = 0; i < sums.size(); ++i) {
    block.AddTo(infos[i], i, state->params[i], &sums[i]);
  }
  facts.insert(facts.end(), block.facts().begin(), block.facts().end());

  StepStats stats;
  const auto tasks = static_cast<double>(batch.tasks);
  for (const GroupFacts& group : facts) {
    stats.query_loss += group.query_loss / tasks;
    stats.query_accuracy += group.query_accuracy / tasks;
    ++stats.gradients;
    stats.recomputed += group.recomputed ? 1 : 0;
  }
  for (at::Tensor& sum : sums) {
    if (sum.defined() && batch.tasks > 1) {
      sum.div_(tasks);
    }
  }
  RETURN_IF_ERROR(CheckStep(infos, stats, sums, *state));
  stats.gradient_norm = NormOf(sums);
  const AdamWNumbers numbers = NumbersOf(optimizer, infos, total, stats.gradient_norm, state->optimizer.step);
  if (batch.owners != nullptr) {
    RETURN_IF_ERROR(batch.owners->Update(numbers, sums, &state->params, &state->optimizer));
  } else {
    AdamWApply(numbers, sums, &state->params, &state->optimizer);
  }
  if (others != nullptr) {
    others->Updated(sums);
  }
  ++state->meta_step;
  return stats;
}

}  // namespace metaprompt

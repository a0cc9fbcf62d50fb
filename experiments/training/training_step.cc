#include "experiments/training/training_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "absl/strings/str_cat.h"
#include "learners/inner/adamw.h"
#include "learners/inner/gradients.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {
namespace {

// Sums the parts' results in the order of the parts, as early as possible.
class OrderedSum {
 public:
  OrderedSum(size_t params, size_t parts) : grads(params), waiting_(parts), done_(parts, false) {}

  // Called once for each part, from several threads.
  void Add(size_t part, double loss, double correct, ParamList part_grads) {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_[part] = {loss, correct, std::move(part_grads)};
    done_[part] = true;
    for (; next_ < done_.size() && done_[next_]; ++next_) {
      Result& result = waiting_[next_];
      stats.loss += result.loss;
      stats.correct += result.correct;
      for (size_t i = 0; i < grads.size(); ++i) {
        metaprompt::Add(result.grads[i], &grads[i]);
      }
      result.grads.clear();
    }
  }

  TrainingStats stats;
  ParamList grads;

 private:
  struct Result {
    double loss = 0;
    double correct = 0;
    ParamList grads;
  };

  std::mutex mutex_;
  std::vector<Result> waiting_;
  std::vector<bool> done_;
  size_t next_ = 0;  // the first part that is not yet in the sums
};

absl::Status CheckStep(const std::vector<ParamInfo>& infos, double loss, const ParamList& grads, int64_t step) {
  const absl::Status status = std::isfinite(loss) ? CheckFinite(infos, grads)
                                                  : absl::FailedPreconditionError(absl::StrCat("the loss is ", loss));
  return status.ok() ? status
                     : absl::FailedPreconditionError(
                           absl::StrCat("step ", step, ": ", std::isfinite(loss) ? "the gradient of " : "",
                                        status.message(), "; a smaller optimizer.lr or a longer warm-up may help"));
}

}  // namespace

std::vector<double> PeakRates(const OptimizerSpec& spec, const std::vector<ParamInfo>& infos) {
  int top = 0;
  for (const ParamInfo& info : infos) {
    top = std::max(top, info.layer);
  }
  std::vector<double> rates;
  for (const ParamInfo& info : infos) {
    const bool word_vectors = spec.has_word_lr() && info.vocab_rows && info.layer == 0;
    rates.push_back(word_vectors ? spec.word_lr() : spec.lr() * std::pow(spec.layer_decay(), top - info.layer));
  }
  return rates;
}

Schedule ScheduleOf(const OptimizerSpec& spec) {
  return {spec.warmup_share(), spec.warmup(), spec.decay(), spec.least_share()};
}

absl::StatusOr<TrainingStats> TrainingStep(const OptimizerSpec& spec, const std::vector<ParamInfo>& infos,
                                           int64_t total, const TrainingBatch& batch, TaskPool* pool,
                                           LearnerState* state) {
  OrderedSum sum(infos.size(), batch.parts.size());
  const auto parts = static_cast<int64_t>(batch.parts.size());
  const auto compute = [&](int64_t part) {
    const ParamList leaves = Leaves(state->params, std::vector<bool>(infos.size(), true));
    const PartLoss result = batch.parts[static_cast<size_t>(part)](leaves);
    sum.Add(static_cast<size_t>(part), result.loss.item<double>(), result.correct,
            Gradients({result.loss}, leaves, {}, /*keep_graph=*/false, /*create_graph=*/false));
  };
  const auto prepare = [&](int64_t i) {
    const at::NoGradGuard no_grad;
    batch.before[static_cast<size_t>(i)](state->params);
  };
  const auto before = static_cast<int64_t>(batch.before.size());
  if (pool->Run(before, prepare, nullptr, TaskPool::FewTasks::kOneThread) < before ||
      pool->Run(parts, compute, nullptr, TaskPool::FewTasks::kOneThread) < parts) {
    return absl::CancelledError(absl::StrCat("stopped in step ", state->meta_step));
  }
  RETURN_IF_ERROR(CheckStep(infos, sum.stats.loss, sum.grads, state->meta_step));
  const double share = RateShare(ScheduleOf(spec), state->meta_step, total);
  std::vector<double> rates = PeakRates(spec, infos);
  for (double& rate : rates) {
    rate *= share;
  }
  AdamWSettings settings;
  settings.beta1 = spec.beta1();
  settings.beta2 = spec.beta2();
  settings.epsilon = spec.epsilon();
  settings.weight_decay = spec.weight_decay();
  settings.clip_norm = spec.clip_norm();
  sum.stats.gradient_norm = AdamWUpdate(settings, infos, rates, sum.grads, &state->params, &state->optimizer);
  ++state->meta_step;
  return sum.stats;
}

}  // namespace metaprompt

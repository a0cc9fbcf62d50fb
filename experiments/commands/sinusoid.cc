#include "experiments/commands/sinusoid.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/commands/sinusoid_dump.h"
#include "experiments/host/memory.h"
#include "experiments/host/output_file.h"
#include "learners/inner/meta_step.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr int64_t kCurvePoints = 60;
constexpr int64_t kCurveTasks = 200;

double Mean(const std::vector<double>& values) { return Interval(values).mean; }

// An error if the largest tensors of one episode take more memory than this process can have: the 40 units of a layer
// for each point. (In training, several of these are kept.)
absl::Status CheckSizes(const SinusoidOptions& options) {
  constexpr double kUnitBytes = 40 * sizeof(float);
  constexpr double kGib = 1 << 30;
  const auto bytes = [](int64_t tasks, int64_t points) {
    return static_cast<double>(tasks) * static_cast<double>(points) * kUnitBytes;
  };
  const int64_t queries = options.queries > 0 ? options.queries : options.shots;
  const double training = bytes(options.meta_batch, std::max(options.shots, queries));
  const double test = bytes(options.test_tasks, std::max(options.shots, options.test_queries));
  const double limit = MemoryLimit();
  if (std::max(training, test) <= limit) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(absl::StrFormat(
      "one layer's units for all points of %s take %.1f GiB, and this process can have %.1f GiB; make %s smaller",
      training > test ? "a meta-step" : "the test", std::max(training, test) / kGib, limit / kGib,
      training > test ? "--meta-batch, --shots or --queries" : "--test-tasks or --shots"));
}

}  // namespace

absl::StatusOr<LearnerSpec> SinusoidLearner(const SinusoidOptions& options) {
  LearnerSpec spec;
  const bool reptile = options.learner == "reptile";
  if (reptile) {
    spec.mutable_reptile();
  } else if (options.learner == "maml") {
    spec.mutable_maml();
  } else if (options.learner == "meta_sgd") {
    spec.mutable_meta_sgd();
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown learner ", Quoted(options.learner), "; known: maml, meta_sgd, reptile"));
  }
  const auto or_else = [](auto value, auto otherwise) { return value > 0 ? value : otherwise; };
  spec.mutable_inner()->set_steps(or_else(options.inner_steps, reptile ? 10 : 1));
  spec.mutable_inner()->set_encoder_lr(options.inner_lr);
  // An episode of M tasks gives the sum of the tasks' gradients; the benchmark uses their mean. So SGD gets a step size
  // that is M times smaller. AdamW divides by the size of the gradient, so it gets an epsilon that is M times larger.
  MetaOptimizerSpec& meta = *spec.mutable_meta_optimizer();
  const auto tasks = static_cast<double>(options.meta_batch);
  const double rate = or_else(options.meta_lr, reptile ? 1.0 : 0.001) / (reptile ? tasks : 1.0);
  meta.set_optimizer(reptile ? MetaOptimizerSpec::SGD : MetaOptimizerSpec::ADAMW);
  meta.set_encoder_lr(rate);
  meta.set_learner_lr(rate);
  meta.set_epsilon(meta.epsilon() * tasks);
  meta.set_weight_decay(0);
  meta.set_warmup_share(0);
  meta.set_clip_norm(0);
  return spec;
}

std::vector<double> SinusoidErrors(LearnerSpec learner, int steps, const SinusoidModel& model, const ParamList& params,
                                   const Episode& episode) {
  learner.mutable_inner()->set_steps(steps);
  const AdaptedParams adapted = MakeLearner(learner)->Adapt(model, params, episode.support);
  const at::NoGradGuard no_grad;
  const at::Tensor errors = SquaredErrors(model.Forward(adapted.model, episode.query), episode.query).to(at::kDouble);
  return {errors.data_ptr<double>(), errors.data_ptr<double>() + errors.numel()};
}

absl::StatusOr<ParamList> TrainSinusoid(const SinusoidOptions& options, const LearnerSpec& spec,
                                        const SinusoidModel& model, Progress* progress, const std::atomic<bool>& stop) {
  TaskPool pool(options.threads);
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  LearnerState state = StartLearning(WithOwn(model, *learner, model.Init(options.seed), options.seed));
  const SinusoidTasks train = {options.seed, "train", options.shots,
                               options.queries > 0 ? options.queries : options.shots};
  const Episode held_out =
      SinusoidEpisode({options.seed, "valid", options.shots, options.test_queries}, 0, kCurveTasks);
  std::string curve = "meta_step\tbefore\tafter\n";
  const int64_t every = std::max<int64_t>(1, options.meta_steps / kCurvePoints);
  progress->Begin(absl::StrFormat("%s, %d-shot", options.learner, options.shots), "meta-steps", 0, options.meta_steps);
  while (true) {
    const int64_t step = state.meta_step;
    if (!options.curve.empty() && (step % every == 0 || step == options.meta_steps)) {
      const double before = Mean(SinusoidErrors(spec, 0, model, state.params, held_out));
      const double after = Mean(SinusoidErrors(spec, spec.inner().steps(), model, state.params, held_out));
      if (!std::isfinite(before) || !std::isfinite(after)) {
        return absl::FailedPreconditionError(absl::StrCat("meta-step ", step, ": the error on the held-out tasks is ",
                                                          before, " before the inner steps and ", after,
                                                          " after them; smaller step sizes may help"));
      }
      absl::StrAppendFormat(&curve, "%d\t%.4f\t%.4f\n", step, before, after);
    }
    if (step == options.meta_steps) {
      break;
    }
    if (stop) {
      return absl::CancelledError(absl::StrCat("stopped at meta-step ", step, "; nothing was written"));
    }
    const MetaBatch batch = {1, 1, [&](int64_t /*first*/, int64_t /*count*/) {
                               return SinusoidEpisode(train, step * options.meta_batch, options.meta_batch);
                             }};
    ASSIGN_OR_RETURN(const StepStats stats,
                     MetaStep(*learner, model, spec.meta_optimizer(), options.meta_steps, batch, &pool, &state));
    progress->Update(state.meta_step,
                     absl::StrFormat("loss %.3f", stats.query_loss / static_cast<double>(options.meta_batch)));
  }
  if (!options.curve.empty()) {
    RETURN_IF_ERROR(WriteFileAtomically(options.curve, curve));
  }
  return std::move(state.params);
}

absl::Status RunSinusoid(const SinusoidOptions& options, Progress* progress, std::ostream* out,
                         const std::atomic<bool>& stop) {
  ASSIGN_OR_RETURN(const LearnerSpec spec, SinusoidLearner(options));
  for (const std::string& file : {options.curve, options.dump}) {
    if (!file.empty()) {
      RETURN_IF_ERROR(CheckOutput(file, {}));
    }
  }
  RETURN_IF_ERROR(CheckSizes(options));
  if (!options.dump.empty()) {
    SetOperationThreads(options.threads);
    return DumpMetaGradients(options.seed, options.threads, options.dump);
  }
  // With its default settings, malloc would return each tensor of 25 tasks to the system when it is freed.
  mallopt(M_MMAP_THRESHOLD, 32 << 20);
  mallopt(M_TRIM_THRESHOLD, 256 << 20);
  const SinusoidModel model;
  const auto start = std::chrono::steady_clock::now();
  ASSIGN_OR_RETURN(const ParamList params, TrainSinusoid(options, spec, model, progress, stop));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  *out << absl::StrFormat("%s, %d-shot, %d meta-steps of %d tasks in %.1f s, seed %d\n", options.learner, options.shots,
                          options.meta_steps, options.meta_batch, seconds, options.seed)
       << absl::StrFormat("mean squared error ± 95 %% interval over %d test tasks of %d query points\n\n",
                          options.test_tasks, options.test_queries)
       << "inner steps   error\n";
  const Episode test =
      SinusoidEpisode({options.seed, "test", options.shots, options.test_queries}, 0, options.test_tasks);
  for (const int steps : options.test_steps) {
    const MeanInterval error = Interval(SinusoidErrors(spec, steps, model, params, test));
    *out << (std::isfinite(error.mean) ? absl::StrFormat("%11d   %.3f ± %.3f\n", steps, error.mean, error.half_width)
                                       : absl::StrFormat("%11d   diverges\n", steps));
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

#include "experiments/commands/bench_memory.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "absl/strings/str_format.h"
#include "experiments/commands/bench.h"
#include "experiments/host/threads.h"
#include "experiments/spec.h"
#include "experiments/workbench/workbench.h"
#include "learners/check_learner.h"
#include "learners/inner/meta_step.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/process.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

// The work whose memory is measured. Returns the seconds that the second meta-step took.
absl::StatusOr<double> TwoMetaSteps(const ExperimentSpec& spec) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Workbench> bench, Workbench::Open(spec, {}));
  const int shots = *std::max_element(spec.episodes().shots().begin(), spec.episodes().shots().end());
  ASSIGN_OR_RETURN(const TaskSource* const split, bench->Prompted(Split::kTrain));
  ASSIGN_OR_RETURN(const EpisodeSampler sampler, bench->TrainSampler(shots));
  ASSIGN_OR_RETURN(ParamList start, bench->InitialParams(shots));
  for (const int one : spec.episodes().shots()) {
    bench->ForgetInitialParams(one);
  }
  const std::unique_ptr<Learner> learner = MakeLearner(spec.learner());
  TaskPool pool(ThreadsOr(spec.threads()));
  LearnerState state = StartLearning(WithOwn(bench->model(), *learner, std::move(start), spec.seed()));
  double seconds = 0;
  for (int step = 0; step < 2; ++step) {
    MetaBatch batch;
    batch.episode = [&](int64_t, int64_t) { return split->Build({sampler.Plan(0)}, at::kFloat); };
    const Clock::time_point begin = Clock::now();
    RETURN_IF_ERROR(MetaStep(*learner, bench->model(), spec.learner().meta_optimizer(), 1000000, batch, &pool, &state));
    seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return seconds;
}

}  // namespace

absl::Status BenchMemory(const ExperimentSpec& spec, std::ostream* out) {
  *out << absl::StrFormat("peak memory of second-order MAML, one task at a time, %d-way, %d queries per class\n",
                          TrainWays(spec.episodes()), TrainQueries(spec.episodes()))
       << std::flush;
  *out << absl::StrFormat("%-12s %6s %10s %10s %14s\n", "graph", "steps", "peak MiB", "over one", "s/meta-step");
  for (const MetaGradientSpec::Way way : {MetaGradientSpec::RECOMPUTE, MetaGradientSpec::KEEP_GRAPH}) {
    double one = 0;
    for (const int steps : {1, std::max(10, spec.learner().inner().steps())}) {
      ExperimentSpec timed = spec;
      LearnerSpec& learner = *timed.mutable_learner();
      learner.mutable_maml()->Clear();
      learner.clear_meta_test();
      AddGroups(&learner);
      MakeStepsTiny(learner.mutable_inner());
      learner.mutable_inner()->set_steps(steps);
      learner.mutable_meta_gradient()->set_way(way);
      timed.set_tasks_together(1);
      ASSIGN_OR_RETURN(const MeasuredWork measured, InOwnProcess([&] { return TwoMetaSteps(timed); }));
      one = steps == 1 ? measured.peak_mib : one;
      *out << absl::StrFormat("%-12s %6d %10.0f %10.2f %14.2f\n",
                              way == MetaGradientSpec::RECOMPUTE ? "recomputed" : "kept", steps, measured.peak_mib,
                              measured.peak_mib / one, measured.result)
           << std::flush;
    }
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

#include "experiments/commands/bench_memory.h"

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/commands/bench.h"
#include "experiments/runs/run.h"
#include "experiments/runs/workbench.h"
#include "experiments/spec.h"
#include "learners/check_learner.h"
#include "learners/inner/meta_step.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"

namespace metaprompt {
namespace {

using Clock = std::chrono::steady_clock;

// The work of which the memory is measured. Writes the seconds of the second meta-step to `result`.
absl::Status TwoMetaSteps(const ExperimentSpec& spec, int result) {
  absl::StatusOr<std::unique_ptr<Workbench>> bench = Workbench::Open(spec, {});
  if (!bench.ok()) {
    return bench.status();
  }
  const int shots = *std::max_element(spec.episodes().shots().begin(), spec.episodes().shots().end());
  const absl::StatusOr<const TextSource*> split = (*bench)->Prompted(Split::kTrain);
  const absl::StatusOr<EpisodeSampler> sampler = (*bench)->TrainSampler(shots);
  absl::StatusOr<ParamList> start = (*bench)->InitialParams(shots);
  for (const absl::Status& status : {split.status(), sampler.status(), start.status()}) {
    if (!status.ok()) {
      return status;
    }
  }
  const std::unique_ptr<Learner> learner = MakeLearner(spec.learner());
  TaskPool pool(ThreadsOf(spec));
  LearnerState state = StartLearning(WithOwn((*bench)->model(), *learner, *std::move(start), spec.seed()));
  double seconds = 0;
  for (int step = 0; step < 2; ++step) {
    MetaBatch batch;
    batch.episode = [&](int64_t, int64_t) { return (*split)->Build({sampler->Plan(0)}, at::kFloat); };
    const Clock::time_point begin = Clock::now();
    const absl::StatusOr<StepStats> stats =
        MetaStep(*learner, (*bench)->model(), spec.learner().meta_optimizer(), 1000000, batch, &pool, &state);
    if (!stats.ok()) {
      return stats.status();
    }
    seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  }
  return write(result, &seconds, sizeof(seconds)) == sizeof(seconds) ? absl::OkStatus()
                                                                     : absl::InternalError("cannot report the time");
}

struct Measured {
  double mib = 0;
  double seconds = 0;
};

absl::StatusOr<Measured> InAProcessOfItsOwn(const ExperimentSpec& spec) {
  std::array<int, 2> ends = {0, 0};
  if (pipe(ends.data()) != 0) {
    return absl::InternalError(absl::StrCat("cannot make a pipe: ", std::strerror(errno)));
  }
  const pid_t child = fork();
  if (child < 0) {
    return absl::InternalError(absl::StrCat("cannot start a process: ", std::strerror(errno)));
  }
  if (child == 0) {
    const absl::Status status = TwoMetaSteps(spec, ends[1]);
    if (!status.ok()) {
      std::cerr << "error: " << std::string(status.message()) << std::endl;
    }
    _exit(status.ok() ? 0 : 1);
  }
  close(ends[1]);
  Measured measured;
  const bool reported = read(ends[0], &measured.seconds, sizeof(measured.seconds)) == sizeof(measured.seconds);
  close(ends[0]);
  int status = 0;
  struct rusage usage = {};
  if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || !reported) {
    return absl::InternalError("the measured process failed");
  }
  measured.mib = static_cast<double>(usage.ru_maxrss) / 1024;
  return measured;
}

}  // namespace

absl::Status BenchMemory(const ExperimentSpec& spec, std::ostream* out) {
  *out << absl::StrFormat("peak memory of second-order MAML, one task at a time, %d-way, %d queries a class\n",
                          TrainWays(spec.episodes()), TrainQueries(spec.episodes()))
       << std::flush;
  *out << absl::StrFormat("%-12s %6s %10s %10s %14s\n", "graph", "steps", "peak MiB", "over one", "s a meta-step");
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
      const absl::StatusOr<Measured> measured = InAProcessOfItsOwn(timed);
      if (!measured.ok()) {
        return measured.status();
      }
      one = steps == 1 ? measured->mib : one;
      *out << absl::StrFormat("%-12s %6d %10.0f %10.2f %14.2f\n",
                              way == MetaGradientSpec::RECOMPUTE ? "recomputed" : "kept", steps, measured->mib,
                              measured->mib / one, measured->seconds)
           << std::flush;
    }
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

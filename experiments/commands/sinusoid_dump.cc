#include "experiments/commands/sinusoid_dump.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "experiments/commands/sinusoid_model.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/checkpoints/safetensors.h"

namespace metaprompt {
namespace {

constexpr int64_t kTasks = 10;
constexpr int64_t kShots = 10;
constexpr int kSteps[] = {1, 3, 5};
constexpr double kInnerLr = 0.01;
constexpr int kRounds = 5;  // over all tasks, for the timing

std::vector<Episode> OneByOne(const SinusoidTasks& tasks) {
  std::vector<Episode> episodes;
  for (int64_t t = 0; t < kTasks; ++t) {
    episodes.push_back(SinusoidEpisode(tasks, t, 1));
  }
  return episodes;
}

// The shortest time for one meta-gradient of one task, in seconds.
double SecondsEach(const Learner& learner, const SinusoidModel& model, const ParamList& params,
                   const std::vector<Episode>& episodes) {
  double fastest = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    for (const Episode& episode : episodes) {
      const auto start = std::chrono::steady_clock::now();
      learner.MetaGradient(model, params, episode, 0);
      fastest = std::min(fastest, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
  }
  return fastest;
}

}  // namespace

absl::Status DumpMetaGradients(uint64_t seed, int threads, const std::string& path) {
  const SinusoidModel model;
  const ParamList start = model.Init(seed);
  ParamList params;
  TensorFile file;
  for (size_t i = 0; i < start.size(); ++i) {
    params.push_back(start[i].to(at::kDouble));
    file.tensors.emplace_back(absl::StrCat("param.", model.params()[i].name), params[i]);
  }
  const Episode all = SinusoidEpisode({seed, "dump", kShots, kShots, at::kDouble}, 0, kTasks);
  for (const auto& [name, batch] : {std::make_pair("support", &all.support), std::make_pair("query", &all.query)}) {
    file.tensors.emplace_back(absl::StrCat(name, ".x"), std::get<PointInputs>(batch->inputs).x.view({kTasks, -1}));
    file.tensors.emplace_back(absl::StrCat(name, ".y"), batch->labels.view({kTasks, -1}));
  }
  const std::vector<Episode> exact = OneByOne({seed, "dump", kShots, kShots, at::kDouble});
  const std::vector<Episode> fast = OneByOne({seed, "dump", kShots, kShots, at::kFloat});
  for (const int steps : kSteps) {
    LearnerSpec spec;
    spec.mutable_maml();
    spec.mutable_inner()->set_steps(steps);
    spec.mutable_inner()->set_encoder_lr(kInnerLr);
    const std::unique_ptr<Learner> learner = MakeLearner(spec);
    std::vector<std::vector<at::Tensor>> grads(params.size());
    for (const Episode& episode : exact) {
      const TaskGradient task = learner->MetaGradient(model, params, episode, 0);
      for (size_t i = 0; i < params.size(); ++i) {
        grads[i].push_back(task.grads[i]);
      }
    }
    for (size_t i = 0; i < params.size(); ++i) {
      file.tensors.emplace_back(absl::StrCat("gradient.", steps, ".", model.params()[i].name), at::stack(grads[i]));
    }
    file.metadata[absl::StrCat("seconds.", steps)] = absl::StrFormat("%.3e", SecondsEach(*learner, model, start, fast));
  }
  file.metadata["inner_lr"] = absl::StrCat(kInnerLr);
  file.metadata["threads"] = absl::StrCat(threads);
  return WriteSafetensors(path, file);
}

}  // namespace metaprompt

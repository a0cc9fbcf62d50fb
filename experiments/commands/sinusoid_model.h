// Sinusoid regression (Finn et al. 2017, section 5.1) for learners that know only a Model: a small network whose
// parameters may differ from task to task of a batch, and the tasks.
#ifndef EXPERIMENTS_COMMANDS_SINUSOID_MODEL_H_
#define EXPERIMENTS_COMMANDS_SINUSOID_MODEL_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "episodes/task_source.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// f(x) = W₃ relu(W₂ relu(W₁ x + b₁) + b₂) + b₃, layers 1-40-40-1, numbered from 1. A batch has points x [B]
// and labels y [B], floating-point numbers of the parameters' type; there are no classes.
class SinusoidModel : public Model {
 public:
  SinusoidModel();

  const std::vector<ParamInfo>& params() const override { return params_; }
  // features [B, 1] are f(x); there are no logits.
  ModelOutput Forward(const ModelParams& params, const Batch& batch) const override;
  // The mean squared error; with several tasks, the sum of the tasks' means.
  at::Tensor Loss(const ModelOutput& output, const Batch& batch) const override;
  bool PerTask(size_t /*i*/) const override { return true; }

  // Weights normal with standard deviation 0.1, biases 0; float32. (The paper's code has 0.01, from which learning
  // starts slowly; He's 2 / inputs is too large for inner steps of 0.01.)
  ParamList Init(uint64_t seed) const;

 private:
  std::vector<ParamInfo> params_;
};

// Mean squared error of each task of the batch, [tasks].
at::Tensor SquaredErrors(const ModelOutput& output, const Batch& batch);

// Which tasks: task i of a purpose ("train", "test", ...) is a function of the seed, the purpose and i alone.
struct SinusoidTasks {
  uint64_t seed = 0;
  absl::string_view purpose;
  int64_t shots = 10;    // support points
  int64_t queries = 10;  // query points; the support points are the same with any number of them
  at::ScalarType dtype = at::kFloat;
};

// The sinusoids as a source: task i is y = a sin(x - p), a in [0.1, 5), p in [0, π), x in [-5, 5), all uniform. There
// are no classes, so a plan is its index. The episode's rows are empty: no parameter has rows of a vocabulary.
class SinusoidSource : public TaskSource {
 public:
  explicit SinusoidSource(const SinusoidTasks& tasks) : tasks_(tasks) {}

  std::vector<ClassSize> sizes() const override { return {}; }
  Episode Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const override;

 private:
  SinusoidTasks tasks_;
};

// Tasks first, ..., first + count - 1 of SinusoidSource as one episode.
Episode SinusoidEpisode(const SinusoidTasks& tasks, int64_t first, int64_t count);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_SINUSOID_MODEL_H_

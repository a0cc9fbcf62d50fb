// Sinusoid regression (Finn et al. 2017, section 5.1): a small network and its tasks. The network's parameters may
// differ between the tasks of a batch. Learners use it like any other Model.
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

  // Weights from a normal distribution with standard deviation 0.1, biases 0; float32. (The paper's code uses 0.01,
  // with which learning starts slowly. He et al.'s variance of 2 / inputs is too large for inner steps of 0.01.)
  ParamList Init(uint64_t seed) const;

 private:
  std::vector<ParamInfo> params_;
};

// The mean squared error of each task of the batch, [tasks].
at::Tensor SquaredErrors(const ModelOutput& output, const Batch& batch);

// Which tasks to draw. Task i depends only on the seed, the purpose ("train", "test", ...) and i.
struct SinusoidTasks {
  uint64_t seed = 0;
  absl::string_view purpose;
  int64_t shots = 10;    // support points
  int64_t queries = 10;  // query points; their number does not change the support points
  at::ScalarType dtype = at::kFloat;
};

// The sinusoids as a task source. Task i is y = a sin(x - p), with a in [0.1, 5), p in [0, π) and x in [-5, 5), all
// uniform. There are no classes, so only the index of a plan is used. Episode::rows is empty, because no parameter has
// vocabulary rows.
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

// The objective of a training on texts: the loss of a batch as a function of the parameters, and a validation.
#ifndef EXPERIMENTS_TRAINING_OBJECTIVE_H_
#define EXPERIMENTS_TRAINING_OBJECTIVE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "experiments/host/progress.h"
#include "learners/inner/task_pool.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// A part of a batch. The gradient of the batch is the sum of its parts' gradients.
struct PartLoss {
  at::Tensor loss;     // scalar, with its graph: the part's share of the batch's mean loss
  double correct = 0;  // how many of the part's predictions are right
};

struct TrainingBatch {
  // Computes what the parts need of each other. Each is called once, without a graph, before the parts; in any order
  // and from several threads.
  std::vector<std::function<void(const ParamList& params)>> before;
  // Each is called once, in any order and from several threads.
  std::vector<std::function<PartLoss(const ParamList& params)>> parts;
  double counted = 0;  // the number of predictions
};

struct Validation {
  double loss = 0;
  double accuracy = 0;
  double score = 0;    // the parameters with the largest score are the best
  bool empty = false;  // whether there is nothing to validate with; then the last parameters are the best
};

class Objective {
 public:
  virtual ~Objective() = default;

  // The names and shapes of the parameters, in the order of the parameter lists below.
  virtual const std::vector<ParamInfo>& infos() const = 0;

  // The batch of step `step`, counted from 0. It depends only on the step, so that a stopped run continues with the
  // same batches.
  virtual TrainingBatch Batch(int64_t step) = 0;

  // Validates on all validation texts. Cancelled: the pool was asked to stop.
  virtual absl::StatusOr<Validation> Validate(const ParamList& params, TaskPool* pool, Progress* progress) = 0;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_OBJECTIVE_H_

// What is trained on texts: the loss of a batch as a function of the parameters, and a validation.
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
  double correct = 0;  // how many of the part's inputs are predicted right
};

struct TrainingBatch {
  // What the parts need to have of one another: each is called once, without a graph, in any order and from several
  // threads, before the parts.
  std::vector<std::function<void(const ParamList& params)>> before;
  // Each is called once, in any order and from several threads.
  std::vector<std::function<PartLoss(const ParamList& params)>> parts;
  double counted = 0;  // how many inputs are predicted
};

struct Validation {
  double loss = 0;
  double accuracy = 0;
  double score = 0;    // what makes parameters the best ones: the larger, the better
  bool empty = false;  // there is nothing to validate with: the last parameters are the best ones
};

class Objective {
 public:
  virtual ~Objective() = default;

  // What the parameters are, in the order of the lists below.
  virtual const std::vector<ParamInfo>& infos() const = 0;

  // The batch of step `step`, from 0. A function of the step alone: a run that was stopped continues with the same
  // batches.
  virtual TrainingBatch Batch(int64_t step) = 0;

  // Over all validation texts. Cancelled: the pool was asked to stop.
  virtual absl::StatusOr<Validation> Validate(const ParamList& params, TaskPool* pool, Progress* progress) = 0;
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_TRAINING_OBJECTIVE_H_

// The model's loss and accuracy on a batch.
#ifndef LEARNERS_INNER_LOSS_H_
#define LEARNERS_INNER_LOSS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The share of the rows whose largest logit is that of the label, in [0, 1]. 0 if the logits are undefined.
double Accuracy(const at::Tensor& logits, const at::Tensor& labels);

// The loss and the accuracy as tensors, so that a GPU is waited for only where a number is read.
struct LossAndAccuracy {
  at::Tensor loss;   // a scalar
  at::Tensor right;  // a scalar: the number of rows that Accuracy counts; undefined if there are no logits
  int64_t rows = 0;

  double accuracy() const;
};

// Takes one forward pass.
LossAndAccuracy LossOf(const Model& model, const ModelParams& params, const Batch& batch);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_LOSS_H_

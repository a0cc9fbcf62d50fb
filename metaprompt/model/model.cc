#include "metaprompt/model/model.h"

#include <ATen/ATen.h>

namespace metaprompt {

namespace {

// The cross-entropy of each row, [R].
at::Tensor OfEachRow(const at::Tensor& logits, const at::Tensor& labels) {
  return at::log_softmax(logits, -1).gather(1, labels.unsqueeze(1)).neg();
}

}  // namespace

at::Tensor Model::Loss(const ModelOutput& output, const Batch& batch) const {
  if (batch.weights.defined()) {
    return (OfEachRow(output.logits, batch.labels).squeeze(1) * batch.weights).sum();
  }
  // All tasks have equally many rows, so the sum of their means is the mean of all rows times the number of tasks.
  const at::Tensor mean = CrossEntropy(output.logits, batch.labels);
  return batch.tasks == 1 ? mean : mean * batch.tasks;
}

at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& labels) {
  return at::log_softmax(logits, -1).gather(1, labels.unsqueeze(1)).mean().neg();
}

}  // namespace metaprompt

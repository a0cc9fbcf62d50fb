#include "metaprompt/model.h"

#include <ATen/ATen.h>

namespace metaprompt {

at::Tensor Model::Loss(const ModelOutput& output, const Batch& batch) const {
  return CrossEntropy(output.logits, batch.labels);
}

at::Tensor CrossEntropy(const at::Tensor& logits, const at::Tensor& labels) {
  return at::log_softmax(logits, -1).gather(1, labels.unsqueeze(1)).mean().neg();
}

}  // namespace metaprompt

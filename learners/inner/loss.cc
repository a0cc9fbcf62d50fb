#include "learners/inner/loss.h"

#include <ATen/ATen.h>

namespace metaprompt {

double Accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  if (!logits.defined()) {
    return 0;
  }
  return logits.detach().argmax(-1).eq(labels).sum().item<double>() / static_cast<double>(labels.size(0));
}

LossAndAccuracy LossOf(const Model& model, const ModelParams& params, const Batch& batch) {
  const ModelOutput output = model.Forward(params, batch);
  return {model.Loss(output, batch), Accuracy(output.logits, batch.labels)};
}

}  // namespace metaprompt

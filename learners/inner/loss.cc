#include "learners/inner/loss.h"

#include <ATen/ATen.h>

namespace metaprompt {

namespace {

at::Tensor Right(const at::Tensor& logits, const at::Tensor& labels) {
  return logits.defined() ? logits.detach().argmax(-1).eq(labels).sum() : at::Tensor();
}

double Share(const at::Tensor& right, int64_t rows) {
  return right.defined() ? right.item<double>() / static_cast<double>(rows) : 0;
}

}  // namespace

double Accuracy(const at::Tensor& logits, const at::Tensor& labels) {
  return Share(Right(logits, labels), labels.size(0));
}

double LossAndAccuracy::accuracy() const { return Share(right, rows); }

LossAndAccuracy LossOf(const Model& model, const ModelParams& params, const Batch& batch) {
  const ModelOutput output = model.Forward(params, batch);
  return {model.Loss(output, batch), Right(output.logits, batch.labels), batch.labels.size(0)};
}

}  // namespace metaprompt

#include "learners/inner/class_means.h"

#include <ATen/ATen.h>

namespace metaprompt {

int64_t WaysOf(const Batch& support) {
  TORCH_CHECK(support.ways > 0, "WaysOf: the batch has no classes");
  return support.ways;
}

at::Tensor ClassMeans(const at::Tensor& features, const Batch& support) {
  const int64_t ways = WaysOf(support);
  const int64_t per_task = support.labels.size(0) / support.tasks;
  // [tasks, ways, R / tasks]: a product with the one-hot labels, differentiable any number of times.
  const at::Tensor of_class =
      at::one_hot(support.labels.view({support.tasks, per_task}), ways).transpose(1, 2).to(features.scalar_type());
  const at::Tensor counts = of_class.sum(-1, /*keepdim=*/true);
  TORCH_CHECK(counts.min().item<double>() > 0, "ClassMeans: a class without a support text");
  return at::bmm(of_class / counts, features.view({support.tasks, per_task, -1}))
      .view({support.tasks * ways, features.size(1)});
}

ParamList PrototypeHead(const Model& model, const ParamList& params, const Batch& support, double temperature) {
  const at::Tensor means = ClassMeans(model.Forward(params, support).read, support);
  const double per = 1.0 / temperature;
  return {means * (2 * per), means.square().sum(-1) * -per};
}

}  // namespace metaprompt

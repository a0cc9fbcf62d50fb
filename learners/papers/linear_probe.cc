#include "learners/papers/linear_probe.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "learners/inner/class_means.h"
#include "learners/inner/gradients.h"

namespace metaprompt {
namespace {

// Indices in AdaptedParams::fitted.
enum Fitted { kMean, kScale, kWeights };

// The mean and scale by which the support features are normalised, to mean 0 and mean squared length 1. The penalty
// then has the same effect for every encoder.
ParamList Normaliser(const at::Tensor& features) {
  const at::Tensor mean = features.mean(0);
  return {mean, (features - mean).square().sum(-1).mean().sqrt().clamp_min(1e-12)};
}

}  // namespace

at::Tensor LogisticRegression(const at::Tensor& features, const at::Tensor& labels, int64_t ways, double l2,
                              int steps) {
  const at::NoGradGuard no_grad;
  const int64_t n = features.size(0);
  // In double precision, because the system is small, and the minimum is then accurate.
  const at::Tensor x = features.to(at::kDouble);
  const at::Tensor gram = at::matmul(x, x.t());
  const at::Tensor y = at::one_hot(labels, ways).to(at::kDouble);
  at::Tensor a = at::zeros({n, ways}, x.options());
  const auto objective = [&](const at::Tensor& weights) {
    const at::Tensor logits = gram.matmul(weights);
    const at::Tensor loss = -(at::log_softmax(logits, -1) * y).sum() / static_cast<double>(n);
    return (loss + (weights * logits).sum() * (0.5 * l2)).item<double>();
  };
  const at::Tensor eye = at::eye(n * ways, x.options());
  for (int k = 0; k < steps; ++k) {
    const at::Tensor p = at::softmax(gram.matmul(a), -1);
    // The gradient with respect to W is Xᵀ r with r = (P − Y) / R + l2 A. It is 0 if r is 0.
    const at::Tensor r = (p - y) / static_cast<double>(n) + a * l2;
    if (r.abs().max().item<double>() < 1e-10) {
      break;
    }
    // A Newton step on r: dr = (S K + l2) dA, where S is the Jacobian of the softmax in each row, divided by R, and K
    // is the Gram matrix.
    // s is [R, ways, ways].
    const at::Tensor s = (at::diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) / static_cast<double>(n);
    const at::Tensor system = at::einsum("ivw,ij->ivjw", {s, gram}).reshape({n * ways, n * ways}) + eye * l2;
    const at::Tensor step = at::linalg_solve(system, r.reshape({n * ways, 1})).view({n, ways});
    // Halve the step until the objective does not grow: far from the minimum a whole step may overshoot.
    const double before = objective(a);
    double share = 1;
    while (share > 1e-6 && objective(a - step * share) > before) {
      share /= 2;
    }
    a = a - step * share;
  }
  return at::matmul(x.t(), a).to(features.scalar_type());
}

AdaptedParams LinearProbe::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const at::NoGradGuard no_grad;
  AdaptedParams adapted;
  adapted.model = WithoutGraph(ByName(model, meta).model);
  const at::Tensor features = model.Forward(adapted.model, support).features.detach();
  const LinearProbeSpec& probe = spec_.linear_probe();
  adapted.fitted = Normaliser(features);
  adapted.fitted.push_back(LogisticRegression((features - adapted.fitted[kMean]) / adapted.fitted[kScale],
                                              support.labels, WaysOf(support), probe.l2(), probe.newton_steps()));
  return adapted;
}

double LinearProbe::AdaptBytes(const Model& /*model*/, const Batch& support) const {
  // The Newton system has R · ways equations and is dense, in double precision. About four such matrices exist at the
  // same time.
  const double equations = static_cast<double>(RowsOf(support)) * static_cast<double>(support.ways * support.tasks);
  return 4 * sizeof(double) * equations * equations;
}

at::Tensor LinearProbe::Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const {
  const ParamList& fitted = adapted.fitted;
  return at::matmul((model.Forward(adapted.model, query).features - fitted[kMean]) / fitted[kScale], fitted[kWeights]);
}

}  // namespace metaprompt

#include "learners/papers/linear_probe.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "learners/bases/class_means.h"
#include "learners/inner/inner_loop.h"

namespace metaprompt {
namespace {

// Mean 0 over the support set, and length 1 on average: the penalty then means the same for every encoder.
ParamList Normaliser(const at::Tensor& features) {
  const at::Tensor mean = features.mean(0);
  return {mean, (features - mean).square().sum(-1).mean().sqrt().clamp_min(1e-12)};
}

}  // namespace

at::Tensor LogisticRegression(const at::Tensor& features, const at::Tensor& labels, int64_t ways, double l2,
                              int steps) {
  const at::NoGradGuard no_grad;
  const int64_t n = features.size(0);
  // In double: B ways equations are few, and the minimum is then exact.
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
    // ∇ in W is Xᵀ r, r = (P − Y) / B + l2 A; it is 0 where r is.
    const at::Tensor r = (p - y) / static_cast<double>(n) + a * l2;
    if (r.abs().max().item<double>() < 1e-10) {
      break;
    }
    // dr = (S K + l2) dA with S the softmax's Jacobian in each row over B, K the Gram matrix: a Newton step on r.
    const at::Tensor s = (at::diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)) / static_cast<double>(n);  // [B, w, w]
    const at::Tensor system = at::einsum("ivw,ij->ivjw", {s, gram}).reshape({n * ways, n * ways}) + eye * l2;
    const at::Tensor step = at::linalg_solve(system, r.reshape({n * ways, 1})).view({n, ways});
    // Half as far until it goes down: far from the minimum a whole step may overshoot.
    const double before = objective(a);
    double share = 1;
    while (share > 1e-6 && objective(a - step * share) > before) {
      share /= 2;
    }
    a = a - step * share;
  }
  return at::matmul(x.t(), a).to(features.scalar_type());
}

ParamList LinearProbe::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const at::NoGradGuard no_grad;
  ParamList adapted = WithoutGraph(meta);
  const at::Tensor features = model.Forward(meta, support).features.detach();
  const ParamList normaliser = Normaliser(features);
  const LinearProbeSpec& probe = spec_.linear_probe();
  adapted.push_back(normaliser[0]);
  adapted.push_back(normaliser[1]);
  adapted.push_back(LogisticRegression((features - normaliser[0]) / normaliser[1], support.labels, WaysOf(support),
                                       probe.l2(), probe.newton_steps()));
  return adapted;
}

at::Tensor LinearProbe::Logits(const Model& model, const ParamList& adapted, const Batch& query) const {
  const size_t own = model.params().size();
  const ParamList params(adapted.begin(), adapted.begin() + static_cast<int64_t>(own));
  return at::matmul((model.Forward(params, query).features - adapted[own]) / adapted[own + 1], adapted[own + 2]);
}

TaskGradient LinearProbe::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                       int64_t /*meta_step*/) const {
  const at::NoGradGuard no_grad;
  TaskGradient task;
  task.grads.resize(meta.size());
  const at::Tensor logits = Logits(model, Adapt(model, meta, episode.support), episode.query);
  task.query_loss = CrossEntropy(logits, episode.query.labels).item<double>();
  task.query_accuracy = Accuracy(logits, episode.query.labels);
  return task;
}

}  // namespace metaprompt

#include "learners/adamw.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace metaprompt {
namespace {

double PeakRate(const MetaOptimizerSpec& spec, const ParamInfo& info) {
  if (info.group == ParamGroup::kPrompt) {
    return spec.prompt_lr();
  }
  return info.vocab_rows ? spec.word_lr() : spec.encoder_lr();
}

}  // namespace

AdamWState ZeroMoments(const ParamList& params) {
  AdamWState state;
  for (const at::Tensor& param : params) {
    state.first.push_back(at::zeros_like(param));
    state.second.push_back(at::zeros_like(param));
  }
  return state;
}

double RateShare(const MetaOptimizerSpec& spec, int64_t step, int64_t total) {
  const double warmup = std::ceil(spec.warmup_share() * static_cast<double>(total));
  const auto at = static_cast<double>(step);
  if (at < warmup) {
    return (at + 1.0) / (warmup + 1.0);
  }
  return spec.linear_decay() ? (static_cast<double>(total) - at) / std::max(1.0, static_cast<double>(total) - warmup)
                             : 1.0;
}

double AdamWUpdate(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total, ParamList* grads,
                   ParamList* params, AdamWState* state) {
  double squares = 0;
  for (const at::Tensor& grad : *grads) {
    if (grad.defined()) {
      const auto norm = grad.norm().item<double>();
      squares += norm * norm;
    }
  }
  const double norm = std::sqrt(squares);
  const double scale = spec.clip_norm() > 0 && norm > spec.clip_norm() ? spec.clip_norm() / norm : 1.0;
  const double share = RateShare(spec, state->step, total);
  ++state->step;
  const double correction1 = 1.0 - std::pow(spec.beta1(), static_cast<double>(state->step));
  const double correction2 = 1.0 - std::pow(spec.beta2(), static_cast<double>(state->step));
  for (size_t i = 0; i < params->size(); ++i) {
    at::Tensor& grad = (*grads)[i];
    if (!grad.defined()) {
      continue;
    }
    if (scale != 1.0) {
      grad.mul_(scale);
    }
    const double rate = share * PeakRate(spec, infos[i]);
    at::Tensor& theta = (*params)[i];
    at::Tensor& m = state->first[i];
    at::Tensor& v = state->second[i];
    m.lerp_(grad, 1.0 - spec.beta1());                              // m = β₁ m + (1 − β₁) g
    v.mul_(spec.beta2()).addcmul_(grad, grad, 1.0 - spec.beta2());  // v = β₂ v + (1 − β₂) g²
    if (infos[i].decay) {
      theta.mul_(1.0 - rate * spec.weight_decay());
    }
    // θ −= rate · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)
    theta.addcdiv_(m, v.div(correction2).sqrt_().add_(spec.epsilon()), -rate / correction1);
  }
  return norm;
}

}  // namespace metaprompt

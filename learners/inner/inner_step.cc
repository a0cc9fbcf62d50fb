#include "learners/inner/inner_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/version.h>

#include <algorithm>
#include <cmath>

#include "learners/inner/adamw.h"
#include "learners/inner/gradients.h"

namespace metaprompt {
namespace {

ParamList Scaled(const ParamList& tensors, const at::Tensor& factor) {
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1)
  return at::_foreach_mul(tensors, factor);
#else
  return at::_foreach_mul(tensors, ParamList(tensors.size(), factor));
#endif
}

// The numbers of the parameters that move and have a gradient.
std::vector<size_t> MovingPlaces(const std::vector<InnerRate>& rates, const ParamList& grads) {
  std::vector<size_t> places;
  for (size_t i = 0; i < grads.size(); ++i) {
    if (rates[i].moves() && grads[i].defined()) {
      places.push_back(i);
    }
  }
  return places;
}

// Whether the step is best computed for all parameters together: without a graph, on a GPU, which would take longer to
// start operations for each tensor than to compute them.
bool Together(const ParamList& grads) {
  return !at::GradMode::is_enabled() &&
         std::any_of(grads.begin(), grads.end(), [](const at::Tensor& g) { return g.defined() && !g.is_cpu(); });
}

// Clipped for all parameters together. Does not wait for the norm.
ParamList ClippedTogether(const std::vector<size_t>& places, const ParamList& grads, double most) {
  if (places.empty()) {
    return grads;
  }
  const ParamList moved = Pick(grads, places);
  const at::Tensor factor = (at::stack(at::_foreach_norm(moved)).norm().reciprocal() * most).clamp_max(1);
  const ParamList scaled = Scaled(moved, factor);
  ParamList clipped = grads;
  for (size_t k = 0; k < places.size(); ++k) {
    clipped[places[k]] = scaled[k];
  }
  return clipped;
}

// The gradients, scaled down to the norm `most` if those of the parameters that move have a greater norm.
ParamList Clipped(const std::vector<InnerRate>& rates, const ParamList& grads, double most) {
  if (Together(grads)) {
    return ClippedTogether(MovingPlaces(rates, grads), grads, most);
  }
  at::Tensor squares;
  const auto moves = [&](size_t i) { return rates[i].moves() && grads[i].defined(); };
  for (size_t i = 0; i < grads.size(); ++i) {
    if (moves(i)) {
      const at::Tensor norm = at::GradMode::is_enabled() ? at::Tensor() : grads[i].norm();
      const at::Tensor square = norm.defined() ? norm * norm : grads[i].square().sum();
      squares = squares.defined() ? squares + square : square;
    }
  }
  if (!squares.defined() || squares.item<double>() <= most * most) {
    return grads;
  }
  const at::Tensor factor = at::rsqrt(squares) * most;
  ParamList clipped = grads;
  for (size_t i = 0; i < grads.size(); ++i) {
    if (moves(i)) {
      clipped[i] = grads[i] * factor;
    }
  }
  return clipped;
}

// AdamW with constant step sizes for all parameters together.
void StepTogether(const InnerAdamW& constants, double weight_decay, double share, const std::vector<InnerRate>& rates,
                  const std::vector<bool>& decay, const ParamList& grads, InnerState* state) {
  const std::vector<size_t> places = MovingPlaces(rates, grads);
  std::vector<double> of_decay;
  std::vector<double> of_rates;
  for (const size_t i : places) {
    of_decay.push_back(decay[i] ? weight_decay : 0);
    of_rates.push_back(rates[i].constant * share);
  }
  if (places.empty()) {
    return;
  }
  ParamList params = Pick(state->params, places);
  ParamList first = Pick(state->first, places);
  ParamList second = Pick(state->second, places);
  InnerAdamWSteps(constants, of_decay, of_rates, Pick(grads, places), &params, &first, &second);
  for (size_t k = 0; k < places.size(); ++k) {
    state->params[places[k]] = params[k];
    state->first[places[k]] = first[k];
    state->second[places[k]] = second[k];
  }
}

}  // namespace

InnerState InnerStep(const InnerSpec& inner, const std::vector<InnerRate>& rates, const std::vector<bool>& decay,
                     int64_t step, double share, const ParamList& unclipped, InnerState state) {
  const ParamList grads = inner.clip_norm() > 0 ? Clipped(rates, unclipped, inner.clip_norm()) : unclipped;
  const bool adamw = inner.optimizer() == InnerSpec::ADAMW;
  const bool is_outside = inner.epsilon_place() == InnerSpec::OUTSIDE;
  const double inside = is_outside ? 0 : inner.epsilon() * inner.epsilon();
  const double outside = is_outside ? inner.epsilon() : 0;
  state.first.resize(adamw ? state.params.size() : 0);
  state.second.resize(state.first.size());
  const double t = static_cast<double>(step) + 1;
  const double unbias1 = 1 / (1 - std::pow(inner.beta1(), t));
  const double unbias2 = 1 / (1 - std::pow(inner.beta2(), t));
  const auto constants = [&](double weight_decay, double rate) {
    return InnerAdamW{inner.beta1(), inner.beta2(), unbias1, unbias2, inside, outside, weight_decay, rate};
  };
  const bool constant_rates =
      std::none_of(rates.begin(), rates.end(), [](const InnerRate& rate) { return rate.learned.defined(); });
  if (adamw && constant_rates && Together(grads)) {
    StepTogether(constants(0, 0), inner.weight_decay(), share, rates, decay, grads, &state);
    return state;
  }
  for (size_t i = 0; i < state.params.size(); ++i) {
    if (!rates[i].moves() || !grads[i].defined()) {
      continue;
    }
    at::Tensor direction = grads[i];
    if (adamw) {
      const at::Tensor& g = grads[i];
      if (!at::GradMode::is_enabled() && !rates[i].learned.defined() && g.is_cpu()) {
        InnerAdamWStep(constants(decay[i] ? inner.weight_decay() : 0, rates[i].constant * share), g, &state.params[i],
                       &state.first[i], &state.second[i]);
        continue;
      }
      // m' = β₁ m + (1 − β₁) g, v' = β₂ v + (1 − β₂) g²
      const at::Tensor first = g * (1 - inner.beta1());
      const at::Tensor second = g * g * (1 - inner.beta2());
      const bool begun = state.first[i].defined();
      state.first[i] = begun ? first + state.first[i] * inner.beta1() : first;
      state.second[i] = begun ? second + state.second[i] * inner.beta2() : second;
      // With ε inside, m̂ / √(v̂ + ε²). With ε outside, the root has no derivative where the gradient is 0.
      const at::Tensor size = state.second[i] * unbias2 + inside;
      direction = state.first[i] * unbias1 * (outside == 0 ? at::rsqrt(size) : 1 / (at::sqrt(size) + outside));
    }
    if (inner.weight_decay() > 0 && decay[i]) {
      direction = direction + state.params[i] * inner.weight_decay();
    }
    // θ' = θ − α d
    if (const at::Tensor& learned = rates[i].learned; learned.defined()) {
      const at::Tensor rate = learned.select(0, std::min<int64_t>(step, learned.size(0) - 1));
      state.params[i] = state.params[i] - direction * (share == 1.0 ? rate : rate * share);
    } else {
      state.params[i] = state.params[i].sub(direction, rates[i].constant * share);
    }
  }
  return state;
}

}  // namespace metaprompt

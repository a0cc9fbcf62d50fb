// Derivatives by finite differences, in double precision, with which tests compare.
#ifndef TESTS_HELPERS_DIFFERENCES_H_
#define TESTS_HELPERS_DIFFERENCES_H_

#include <ATen/ATen.h>

#include "metaprompt/base/random.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

inline at::Tensor RandomTensor(at::IntArrayRef shape, Random* random) {
  at::Tensor values = at::empty(shape, at::kDouble);
  auto* data = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    data[i] = random->Normal();
  }
  return values;
}

inline double MaxDifference(const at::Tensor& a, const at::Tensor& b) { return (a - b).abs().max().item<double>(); }

inline ParamList WithGraph(const ParamList& params) {
  ParamList leaves;
  for (const at::Tensor& param : params) {
    leaves.push_back(param.detach().requires_grad_(true));
  }
  return leaves;
}

// θ + h v
inline ParamList Moved(const ParamList& params, const ParamList& direction, double h) {
  ParamList moved;
  for (size_t i = 0; i < params.size(); ++i) {
    moved.push_back(direction[i].defined() ? params[i] + direction[i] * h : params[i]);
  }
  return moved;
}

// d/dh f(θ + h v) at 0, by the central difference over five points: its error is of order h⁴.
template <typename Value, typename Function>
Value Difference(const ParamList& params, const ParamList& direction, const Function& f) {
  constexpr double kH = 3e-4;
  const auto at = [&](double h) { return f(Moved(params, direction, h)); };
  return ((at(kH) - at(-kH)) * 8.0 - (at(2 * kH) - at(-2 * kH))) / (12 * kH);
}

// The same for a function whose values are lists; evaluates it only once at each point.
template <typename Function>
ParamList ListDifference(const ParamList& params, const ParamList& direction, const Function& f) {
  constexpr double kH = 3e-4;
  const auto at = [&](double h) { return f(Moved(params, direction, h)); };
  const ParamList near = at(kH);
  const ParamList near_back = at(-kH);
  const ParamList far = at(2 * kH);
  const ParamList far_back = at(-2 * kH);
  ParamList differences;
  for (size_t i = 0; i < near.size(); ++i) {
    differences.push_back(((near[i] - near_back[i]) * 8.0 - (far[i] - far_back[i])) / (12 * kH));
  }
  return differences;
}

inline at::Tensor Unit(const at::Tensor& v) { return v / v.norm().clamp_min(1e-30); }

inline double Dot(const ParamList& a, const ParamList& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i].defined() && b[i].defined()) {
      sum += (a[i] * b[i]).sum().item<double>();
    }
  }
  return sum;
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_DIFFERENCES_H_

// Rotary positions (Su et al. 2021): queries and keys are rotated by angles that grow with their position, so that
// their products depend on positions only through the distance.
#ifndef METAPROMPT_OPERATIONS_ROTARY_H_
#define METAPROMPT_OPERATIONS_ROTARY_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metaprompt {

// The cosines and sines of the angles t θ^(-2i/d), with a row per position t and a column per i: [length, d / 2] each.
struct RotaryTable {
  at::Tensor cos;
  at::Tensor sin;
};

// The table for positions 0, ..., length - 1 and heads of width d = `depth`, which must be even. Angles are computed in
// float32, as in the training of models. `type` is float or double.
RotaryTable MakeRotaryTable(int64_t length, int64_t depth, double theta, at::ScalarType type, at::Device device);

// x [N, H d] with every head of every row rotated: columns i and i + d / 2 of a head, for i < d / 2, are a point in the
// plane. `positions` [N] int64, on the device of x, are the rows of the table. x is float, double or bfloat16.
// Differentiable any number of times; the derivative rotates back, and no copy of x is kept for it.
at::Tensor Rotated(const at::Tensor& x, const RotaryTable& table, const at::Tensor& positions);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_ROTARY_H_

#include "learners/bases/distance_logits.h"

#include <ATen/ATen.h>

namespace metaprompt {

at::Tensor DistanceLogits(const at::Tensor& x, const at::Tensor& c, Distance distance, double temperature) {
  if (distance == COSINE_DISTANCE) {
    const auto unit = [](const at::Tensor& v) { return v * at::rsqrt(v.square().sum(-1, true) + 1e-12); };
    return at::matmul(unit(x), unit(c).t()) * (1 / temperature);
  }
  // −|x|² + 2 x·c − |c|², which needs no tensor [B, P, D] of differences.
  const at::Tensor square = x.square().sum(-1, true) + c.square().sum(-1).unsqueeze(0);
  return (at::matmul(x, c.t()) * 2 - square) * (1 / temperature);
}

}  // namespace metaprompt

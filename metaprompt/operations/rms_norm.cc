#include "metaprompt/operations/rms_norm.h"

#include <ATen/ATen.h>

namespace metaprompt {

at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return weight * (x * at::rsqrt(x.square().mean(-1, /*keepdim=*/true) + eps));
}

}  // namespace metaprompt

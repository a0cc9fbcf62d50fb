#include "metaprompt/operations/relative_buckets.h"

#include <ATen/ATen.h>

#include <cmath>

namespace metaprompt {

at::Tensor BucketsOf(const RelativeBuckets& relative, const at::Tensor& distance) {
  const int64_t side = relative.both_directions ? relative.buckets / 2 : relative.buckets;
  const int64_t exact = side / 2;
  const auto farthest = static_cast<double>(relative.farthest);
  const at::Tensor away = relative.both_directions ? distance.abs() : -distance.clamp_max(0);
  // In float32 and in this order, as in the training of MPNet and T5: at a distance of 16 the value must be 2, not
  // 1.9999999, which would be rounded down.
  const at::Tensor far = ((at::log(away.to(at::kFloat) / exact) / std::log(farthest / static_cast<double>(exact))) *
                          static_cast<double>(side - exact))
                             .clamp_min(0)
                             .to(at::kLong) +
                         exact;
  const at::Tensor of_side = at::where(away < exact, away, far.clamp_max(side - 1));
  return relative.both_directions ? of_side + (distance > 0).to(at::kLong) * side : of_side;
}

}  // namespace metaprompt

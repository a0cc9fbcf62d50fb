#include "metaprompt/images/resize_images.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

namespace metaprompt {
namespace {

constexpr int kMostBits = 22;  // of a weight's fraction

// The filter at a distance of `x` pixels from its centre.
double Weight(ResizeFilter filter, double x) {
  const double d = std::abs(x);
  if (filter == ResizeFilter::kBilinear) {
    return std::max(0.0, 1 - d);
  }
  constexpr double kA = -0.5;
  return d < 1 ? (kA + 2) * d * d * d - (kA + 3) * d * d + 1 : d < 2 ? kA * (d * d * d - 5 * d * d + 8 * d - 4) : 0;
}

// The pixels from `first` on that make one pixel of the result.
struct Taps {
  int64_t first = 0;
  std::vector<double> shares;    // their sum is 1
  std::vector<int32_t> weights;  // the shares times 2^bits
};

struct Scaling {
  std::vector<Taps> taps;  // one per pixel of the result
  int bits = 0;
};

// For lines of `from` pixels that become lines of `to` pixels.
Scaling ScalingOf(int64_t from, int64_t to, ResizeFilter filter) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double stretch = std::max(scale, 1.0);
  const double reach = (filter == ResizeFilter::kBilinear ? 1 : 2) * stretch;
  Scaling scaling;
  double largest = 0;
  for (int64_t i = 0; i < to; ++i) {
    const double centre = scale * (static_cast<double>(i) + 0.5);
    Taps taps;
    taps.first = std::max<int64_t>(static_cast<int64_t>(centre - reach + 0.5), 0);
    const int64_t end = std::min(static_cast<int64_t>(centre + reach + 0.5), from);
    for (int64_t j = taps.first; j < end; ++j) {
      taps.shares.push_back(Weight(filter, (static_cast<double>(j) - centre + 0.5) / stretch));
    }
    const double sum = std::accumulate(taps.shares.begin(), taps.shares.end(), 0.0);
    for (double& share : taps.shares) {
      share /= sum;
      largest = std::max(largest, share);
    }
    scaling.taps.push_back(std::move(taps));
  }
  // As many bits as possible with which the largest weight has at most 16, its sign among them.
  while (scaling.bits < kMostBits && std::floor(0.5 + std::ldexp(largest, scaling.bits + 1)) < (1 << 15)) {
    ++scaling.bits;
  }
  for (Taps& taps : scaling.taps) {
    for (const double share : taps.shares) {
      taps.weights.push_back(static_cast<int32_t>(std::round(std::ldexp(share, scaling.bits))));
    }
  }
  return scaling;
}

// Resizes the last dimension of a tensor of bytes to `to`.
at::Tensor ResizedLines(const at::Tensor& bytes, int64_t to, ResizeFilter filter) {
  const int64_t from = bytes.size(-1);
  if (from == to) {
    return bytes;
  }
  const Scaling scaling = ScalingOf(from, to, filter);
  const at::Tensor lines = bytes.contiguous();
  std::vector<int64_t> sizes = lines.sizes().vec();
  sizes.back() = to;
  const at::Tensor resized = at::empty(sizes, at::kByte);
  const uint8_t* line = lines.data_ptr<uint8_t>();
  const uint8_t* const end = line + lines.numel();
  auto* pixel = resized.data_ptr<uint8_t>();
  for (; line != end; line += from) {
    for (const Taps& taps : scaling.taps) {
      int32_t sum = 1 << (scaling.bits - 1);  // so that the shift rounds
      for (size_t j = 0; j < taps.weights.size(); ++j) {
        sum += taps.weights[j] * line[taps.first + static_cast<int64_t>(j)];
      }
      *pixel++ = static_cast<uint8_t>(std::clamp(sum >> scaling.bits, 0, 255));
    }
  }
  return resized;
}

}  // namespace

at::Tensor ResizedImages(const at::Tensor& bytes, int64_t height, int64_t width, ResizeFilter filter) {
  const at::Tensor rows = ResizedLines(bytes, width, filter);
  return ResizedLines(rows.transpose(2, 3), height, filter).transpose(2, 3).contiguous();
}

}  // namespace metaprompt

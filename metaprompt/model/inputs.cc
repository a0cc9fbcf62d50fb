#include "metaprompt/model/inputs.h"

#include <ATen/ATen.h>

#include "metaprompt/model/to_device.h"

namespace metaprompt {
namespace {

at::Tensor Numbers(absl::Span<const int64_t> values) {
  return at::tensor(at::ArrayRef<int64_t>(values.data(), values.size()), at::kLong);
}

Selection SelectOf(const TextInputs& texts, absl::Span<const int64_t> which) {
  const at::Device device = texts.ids().device();
  const at::Tensor tokens = ToDevice(TokensOf(texts, which), device);
  return {Select(texts, which, tokens), ToDevice(Numbers(which), device), tokens};
}

Selection SelectOf(const PointInputs& points, absl::Span<const int64_t> which) {
  const at::Tensor numbers = ToDevice(Numbers(which), points.x.device());
  return {PointInputs{points.x.index_select(0, numbers)}, numbers, at::Tensor()};
}

Selection SelectOf(const ImageInputs& images, absl::Span<const int64_t> which) {
  const at::Device device = images.pixels().device();
  return {Select(images, which), ToDevice(Numbers(which), device), ToDevice(TokensOf(images.tokens(), which), device)};
}

int64_t CountIn(const TextInputs& texts) { return texts.size(); }
int64_t CountIn(const PointInputs& points) { return points.x.size(0); }
int64_t CountIn(const ImageInputs& images) { return images.size(); }

PointInputs OnDevice(const PointInputs& points, at::Device device) { return {ToDevice(points.x, device)}; }

}  // namespace

int64_t CountOf(const Inputs& inputs) {
  return std::visit([](const auto& kind) { return CountIn(kind); }, inputs);
}

Inputs OnDevice(const Inputs& inputs, at::Device device) {
  return std::visit([&](const auto& kind) -> Inputs { return OnDevice(kind, device); }, inputs);
}

Selection Select(const Inputs& inputs, absl::Span<const int64_t> which) {
  return std::visit([&](const auto& kind) { return SelectOf(kind, which); }, inputs);
}

}  // namespace metaprompt

#include "metaprompt/model/inputs.h"

#include <ATen/ATen.h>

namespace metaprompt {
namespace {

at::Tensor Numbers(absl::Span<const int64_t> values) {
  return at::tensor(at::ArrayRef<int64_t>(values.data(), values.size()), at::kLong);
}

Selection SelectOf(const TextInputs& texts, absl::Span<const int64_t> which) {
  const at::Device device = texts.ids().device();
  const at::Tensor tokens = TokensOf(texts, which).to(device);
  return {Select(texts, which, tokens), Numbers(which).to(device), tokens};
}

Selection SelectOf(const PointInputs& points, absl::Span<const int64_t> which) {
  const at::Tensor numbers = Numbers(which).to(points.x.device());
  return {PointInputs{points.x.index_select(0, numbers)}, numbers, at::Tensor()};
}

Selection SelectOf(const ImageInputs& images, absl::Span<const int64_t> which) {
  const at::Device device = images.pixels().device();
  return {Select(images, which), Numbers(which).to(device), TokensOf(images.tokens(), which).to(device)};
}

int64_t CountIn(const TextInputs& texts) { return texts.size(); }
int64_t CountIn(const PointInputs& points) { return points.x.size(0); }
int64_t CountIn(const ImageInputs& images) { return images.size(); }

PointInputs OnDevice(const PointInputs& points, at::Device device) { return {points.x.to(device)}; }

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

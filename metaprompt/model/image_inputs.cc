#include "metaprompt/model/image_inputs.h"

#include <ATen/ATen.h>

#include <utility>

#include "metaprompt/model/to_device.h"

namespace metaprompt {
namespace {

TextInputs TokensOf(const at::Tensor& pixels, int64_t soft, int64_t patches) {
  const int64_t images = pixels.size(0);
  const int64_t length = 1 + soft + patches;
  const at::Tensor ids = at::zeros({images, length}, at::kLong);
  ids.narrow(1, 1, soft).copy_(at::arange(-1, -1 - soft, -1, at::kLong));
  const at::Tensor spans = at::empty({images, 2}, at::kLong);
  spans.select(1, 0).copy_(at::arange(images, at::kLong) * length);
  spans.select(1, 1).fill_(length);
  return {ids.flatten().to(pixels.device()), spans, at::zeros({images}, at::kLong), Answers()};
}

}  // namespace

ImageInputs::ImageInputs(at::Tensor pixels, int64_t soft, int64_t patches)
    : pixels_(std::move(pixels)), soft_(soft), patches_(patches), tokens_(TokensOf(pixels_, soft, patches)) {
  TORCH_CHECK(pixels_.dim() == 4, "ImageInputs: pixels must be [images, channels, height, width]");
}

ImageInputs Select(const ImageInputs& images, absl::Span<const int64_t> which) {
  const at::Tensor numbers = at::tensor(at::ArrayRef<int64_t>(which.data(), which.size()), at::kLong);
  return {images.pixels().index_select(0, ToDevice(numbers, images.pixels().device())), images.soft(),
          images.patches()};
}

ImageInputs OnDevice(const ImageInputs& images, at::Device device) {
  return {ToDevice(images.pixels(), device), images.soft(), images.patches()};
}

}  // namespace metaprompt

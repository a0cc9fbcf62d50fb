#include "metaprompt/encoders/image_embedding.h"

#include <ATen/ATen.h>

#include <vector>

namespace metaprompt {
namespace {

// W x + b for each patch x: [B, patches, D]. `weight` is [D, channels, height, width].
at::Tensor PatchVectors(const at::Tensor& pixels, const at::Tensor& weight, const at::Tensor& bias) {
  const int64_t side = weight.size(2);
  const int64_t images = pixels.size(0);
  const int64_t channels = pixels.size(1);
  const int64_t down = pixels.size(2) / side;
  const int64_t across = pixels.size(3) / side;
  const at::Tensor patches = pixels.view({images, channels, down, side, across, side})
                                 .permute({0, 2, 4, 1, 3, 5})
                                 .reshape({images, down * across, channels * side * side});
  return at::linear(patches, weight.flatten(1), bias);
}

}  // namespace

at::Tensor EmbeddedImages(const ParamList& params, const EncoderLayout& layout, const at::Tensor& soft,
                          const ImageInputs& images) {
  const at::Tensor& weight = params[layout.patches];
  const at::Tensor& class_token = params[layout.class_token];
  const at::Tensor& positions = params[layout.positions];
  const at::Tensor& pixels = images.pixels();
  TORCH_CHECK(pixels.size(1) == weight.size(1) && images.patches() + 1 == positions.size(1) &&
                  pixels.size(2) * pixels.size(3) == images.patches() * weight.size(2) * weight.size(3),
              "EmbeddedImages: the images have another shape than the encoder's");
  const int64_t count = images.size();
  const int64_t width = class_token.size(2);
  const at::Tensor patches = PatchVectors(pixels, weight, params[layout.BiasOf(layout.patches)]);
  std::vector<at::Tensor> sequence = {(class_token + positions.narrow(1, 0, 1)).expand({count, 1, width})};
  if (images.soft() > 0) {
    const int64_t tasks = soft.dim() == 3 ? soft.size(0) : 1;
    sequence.push_back(soft.reshape({tasks, 1, images.soft(), width})
                           .expand({tasks, count / tasks, images.soft(), width})
                           .reshape({count, images.soft(), width}));
  }
  sequence.push_back(patches + positions.narrow(1, 1, images.patches()));
  return at::cat(sequence, 1).flatten(0, 1);
}

}  // namespace metaprompt

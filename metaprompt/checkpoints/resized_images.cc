#include "metaprompt/checkpoints/resized_images.h"

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/layout.h"

namespace metaprompt {
namespace {

// `positions` is [1, 1 + patches, D], the class token's first. The result is [1, 1 + across * across, D].
at::Tensor Interpolated(const at::Tensor& positions, int64_t across) {
  const int64_t width = positions.size(2);
  const at::Tensor patches = positions.narrow(1, 1, positions.size(1) - 1);
  const auto before = static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(patches.size(1)))));
  const at::Tensor picture = patches.view({1, before, before, width}).permute({0, 3, 1, 2});
  const at::Tensor resized = at::upsample_bicubic2d(picture, {across, across}, /*align_corners=*/false);
  const at::Tensor rows = resized.permute({0, 2, 3, 1}).reshape({1, across * across, width});
  return at::cat({positions.narrow(1, 0, 1), rows}, 1);
}

}  // namespace

Checkpoint ForImagesOf(int64_t side, Checkpoint checkpoint) {
  EncoderConfig config = checkpoint.encoder->config();
  TORCH_CHECK(config.reads_images() && side % config.patch_size == 0, "ForImagesOf: ", side, " pixels");
  if (side == config.image_size) {
    return checkpoint;
  }
  config.image_size = side;
  config.max_positions = 1 + config.patches();
  at::Tensor& positions = checkpoint.params[checkpoint.encoder->layout().positions];
  positions = Interpolated(positions, side / config.patch_size);
  checkpoint.encoder = std::make_unique<Encoder>(config, checkpoint.encoder->layout().has_head());
  nlohmann::json json = nlohmann::json::parse(checkpoint.config_json);
  json["image_size"] = side;
  checkpoint.config_json = json.dump(2) + "\n";
  return checkpoint;
}

}  // namespace metaprompt

#include "metaprompt/encoders/initial_vit.h"

#include <ATen/ATen.h>

#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/base/random.h"

namespace metaprompt {

absl::Status CheckVit(const VitSpec& spec) {
  if (spec.width() % spec.heads() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("model.encoder.vit.width is ", spec.width(), "; it must be a multiple of heads, ", spec.heads()));
  }
  return absl::OkStatus();
}

absl::StatusOr<EncoderConfig> VitConfig(const VitSpec& spec, int64_t image_size, int64_t channels) {
  if (image_size % spec.patch_size() != 0) {
    return absl::InvalidArgumentError(absl::StrCat("model.encoder.vit.patch_size is ", spec.patch_size(),
                                                   "; it must divide the height and width of the images, ",
                                                   image_size));
  }
  EncoderConfig config = FindArchitecture("vit")->defaults;
  config.model_type = "vit";
  config.image_size = image_size;
  config.patch_size = spec.patch_size();
  config.channels = channels;
  config.width = spec.width();
  config.embedding_width = spec.width();
  config.layers = spec.layers();
  config.layer_groups = spec.layers();
  config.heads = spec.heads();
  config.intermediate = spec.intermediate();
  config.max_positions = 1 + config.patches();
  if (config.patches() > kMaxPatches) {
    return absl::InvalidArgumentError(absl::StrCat(
        "model.encoder.vit.patch_size is ", spec.patch_size(), ", which makes ", config.patches(),
        " patches of an image of ", image_size, " x ", image_size, " pixels; at most ", kMaxPatches, " are supported"));
  }
  config.layer_norm_eps = spec.layer_norm_eps();
  config.initializer_range = spec.init_std();
  return config;
}

ParamList InitialVit(const VitSpec& spec, const EncoderLayout& layout, uint64_t seed) {
  std::set<size_t> norms = {layout.final_norm};
  std::set<size_t> adding;  // matrices whose results are added to the hidden states
  for (const LayerPlaces& places : layout.layers) {
    norms.insert({places.attention_norm, places.out_norm});
    adding.insert({places.attention_out, places.down});
  }
  ParamList params;
  for (size_t i = 0; i < layout.params.size(); ++i) {
    const ParamInfo& info = layout.params[i];
    at::Tensor param = at::zeros(info.shape, at::kFloat);
    if (norms.count(i) > 0) {
      param.fill_(1);
    } else if (info.shape.size() > 1) {
      const double inputs = static_cast<double>(param.numel()) / static_cast<double>(info.shape[0]);
      const double gain = adding.count(i) > 0 ? 1 / std::sqrt(2.0 * spec.layers()) : 1;
      const bool vectors = i == layout.class_token || i == layout.positions;
      FillNormal(SubSeed(seed, "init/" + info.name),
                 vectors ? spec.init_std() : spec.init_gain() * gain / std::sqrt(inputs), param.data_ptr<float>(),
                 param.numel());
    }
    params.push_back(param);
  }
  return params;
}

}  // namespace metaprompt

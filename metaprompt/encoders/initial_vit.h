// A ViT that is trained from scratch (Dosovitskiy et al. 2021): its configuration from a spec, and its initial values.
#ifndef METAPROMPT_ENCODERS_INITIAL_VIT_H_
#define METAPROMPT_ENCODERS_INITIAL_VIT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The most patches of an image. Attention takes memory in proportion to their square.
inline constexpr int64_t kMaxPatches = 1 << 14;

// Checks that `width` is a multiple of `heads`.
absl::Status CheckVit(const VitSpec& spec);

// For square images, `image_size` pixels high and wide. It is an error, which names the field, if image_size is not a
// multiple of the patch size, or if there are more than kMaxPatches patches.
absl::StatusOr<EncoderConfig> VitConfig(const VitSpec& spec, int64_t image_size, int64_t channels);

// Random parameters, float32. Class token and positions are normal with standard deviation init_std. Matrices are
// normal, with a standard deviation for which a product has the scale of its input (Glorot and Bengio 2010), times
// init_gain. The matrices whose results are added to the hidden states are divided by sqrt(2 layers), so that the
// states keep their scale too (Radford et al. 2019). Biases are 0, layer-norm weights 1. Each parameter is drawn from a
// separate random stream.
ParamList InitialVit(const VitSpec& spec, const EncoderLayout& layout, uint64_t seed);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_INITIAL_VIT_H_

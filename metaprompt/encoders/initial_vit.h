// A ViT that is trained from scratch (Dosovitskiy et al. 2021): its shape from a spec, and its first values.
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

// Checks the rule between fields: width is a multiple of heads.
absl::Status CheckVit(const VitSpec& spec);

// For square images of `image_size` pixels with so many channels. The error names the field: image_size must be a
// multiple of the patches' size.
absl::StatusOr<EncoderConfig> VitConfig(const VitSpec& spec, int64_t image_size, int64_t channels);

// Random parameters, float32. Class token and positions are normal with standard deviation init_std. A matrix keeps the
// scale of its input (Glorot and Bengio 2010); the matrices that add to the hidden states are smaller by
// sqrt(2 layers), so that the states keep their scale too (Radford et al. 2019). Biases are 0, layer-norm weights 1.
// Every parameter has its own random stream.
ParamList InitialVit(const VitSpec& spec, const EncoderLayout& layout, uint64_t seed);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_INITIAL_VIT_H_

// An encoder's layers in bfloat16, for inference. The matrices are rounded once, not for each batch as with Autocast
// (autocast.h).
#ifndef METAPROMPT_ENCODERS_BFLOAT16_LAYERS_H_
#define METAPROMPT_ENCODERS_BFLOAT16_LAYERS_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/bfloat16_kernels.h"

namespace metaprompt {

// `params` with the layers' matrices and their biases rounded to bfloat16. Embeddings, layer norms, the head and all
// parameters after the encoder's are unchanged. Undefined parameters stay undefined. While an Autocast is on, Encoder
// accepts such parameters like float32 ones, and does not round them again.
ParamList WithBfloat16Matrices(const EncoderLayout& layout, ParamList params);

// Whether Bfloat16Layers can compute the layers. It can if `params` are from WithBfloat16Matrices and on the CPU,
// gradients are disabled, the width of a head is a multiple of 16, and the layers are BERT's: layer norms after each
// half, biases everywhere, positions only in the embeddings, attention to all tokens, and no gate. There must be no
// relative bias, no low-rank updates, and no prefix that differs between tasks.
bool TakesBfloat16Layers(const EncoderConfig& config, const EncoderLayout& layout, const ParamList& params);

// Applies layers first, ..., end - 1 of the encoder to the states [N, D] before layer `first`. The factors of products
// are bfloat16, and their sums float32. Attention scores, softmax, layer norms and the residual stream are float32.
// Returns float32: [N, D] or, with slots_alone, [B, D], the rows of the tokens at which answers are read. In that case
// the last layer is computed only for these tokens. `activation` is the table of config.activation.
at::Tensor Bfloat16Layers(const EncoderConfig& config, const EncoderLayout& layout, const Bfloat16Table& activation,
                          const ParamList& params, const TextInputs& texts, const at::Tensor& states, size_t first,
                          size_t end, bool slots_alone);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_BFLOAT16_LAYERS_H_

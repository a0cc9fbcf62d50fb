// An encoder's layers in bfloat16 for inference: the matrices are rounded once, and not in each batch as with Autocast
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

// `params` with the matrices of the layers, and the biases behind them, rounded to bfloat16. Embeddings, layer norms,
// the head and what follows the encoder's parameters stay as they are. Undefined parameters stay undefined. With an
// Autocast in scope, Encoder takes such parameters like float32 ones, and rounds nothing twice.
ParamList WithBfloat16Matrices(const EncoderLayout& layout, ParamList params);

// Whether Bfloat16Layers can compute the layers: `params` are from WithBfloat16Matrices, no gradient is recorded, the
// tensors are on the CPU, a head is a multiple of 16 wide, the layers are BERT's (norms behind each half, biases
// everywhere, positions in the embeddings alone, no gate, no local attention), and there is no relative bias, low-rank
// update or prefix that differs between tasks.
bool TakesBfloat16Layers(const EncoderConfig& config, const EncoderLayout& layout, const ParamList& params);

// Layers first, ..., end - 1 of the encoder, from the states [N, D] before the first. Products read bfloat16 and add up
// in float32. Scores, softmax, layer norms and the sums that go from layer to layer are float32. Returns float32: [N,
// D], or with slots_alone [B, D], the rows of the tokens to read; the last layer is then computed for those alone.
// `activation` is the table of config.activation.
at::Tensor Bfloat16Layers(const EncoderConfig& config, const EncoderLayout& layout, const Bfloat16Table& activation,
                          const ParamList& params, const TextInputs& texts, const at::Tensor& states, size_t first,
                          size_t end, bool slots_alone);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_BFLOAT16_LAYERS_H_

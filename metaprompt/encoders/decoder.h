// The decoder of an encoder-decoder (Vaswani et al. 2017, section 3.1, in the form of T5, Raffel et al. 2020): layers
// that attend to the decoder's own earlier tokens and to the encoder's states. Pure functions of the list of
// parameters, which is that of the encoder.
#ifndef METAPROMPT_ENCODERS_DECODER_H_
#define METAPROMPT_ENCODERS_DECODER_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>

#include "metaprompt/encoders/layer_parts.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/dropout.h"

namespace metaprompt {

// The places of dropout (PlaceSeed) in an encoder-decoder, except those of the encoder's layers.
struct DecoderDropoutPlaces {
  explicit DecoderDropoutPlaces(const EncoderConfig& config)
      : layers(config.layers), embeddings(3 * (config.layers + 2 * config.decoder_layers) + 1) {}

  // The numbers of decoder layer j's two attentions, as layers: to its own tokens, and to the encoder's states. The
  // feed-forward half's result has the third place of the first of them, its inside that of the second.
  int64_t Own(size_t j) const { return layers + 2 * static_cast<int64_t>(j); }
  int64_t Cross(size_t j) const { return Own(j) + 1; }
  int64_t EncoderFinal() const { return embeddings + 1; }
  int64_t DecoderFinal() const { return embeddings + 2; }
  // The inside of the encoder's feed-forward half i.
  int64_t Inside(size_t i) const { return embeddings + 3 + static_cast<int64_t>(i); }

  int64_t layers;
  int64_t embeddings;  // the decoder's
};

// The decoder's first tokens (Answers::start) once per text. Each sequence is read at its last token. The texts must
// have such tokens (TORCH_CHECK).
TextInputs DecoderStart(const TextInputs& texts);

// What the decoder's layers read.
struct DecoderInputs {
  TextInputs texts;          // the encoder's
  at::Tensor encoded;        // [N, D]: the encoder's last hidden states
  TextInputs decoded;        // M tokens: equally many sequences per text, in the order of the texts
  at::Tensor relative_bias;  // [buckets, heads]
};

// The states [M, D] before the decoder's first layer.
at::Tensor EmbeddedTokens(const LayerParts& parts, const ParamList& params, const TextInputs& decoded,
                          const Dropout& dropout);

// The states [M, D] before layer `end`, from x, those before layer `first`. Behind the last layer, the final norm is
// applied.
at::Tensor DecoderLayers(const LayerParts& parts, const ParamList& params, const DecoderInputs& inputs, at::Tensor x,
                         size_t first, size_t end, const Dropout& dropout);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_DECODER_H_

#include "metaprompt/encoders/decoder.h"

#include <ATen/ATen.h>

#include "metaprompt/encoders/layer_dropout.h"
#include "metaprompt/operations/relative_buckets.h"

namespace metaprompt {
namespace {

// The bias [1, H, T, T] of the decoder's attention to its own tokens.
at::Tensor OwnBias(const EncoderConfig& config, const DecoderInputs& inputs) {
  const int64_t longest = inputs.decoded.longest();
  const at::Tensor key = at::arange(longest, inputs.decoded.packing().positions.options());
  const at::Tensor buckets = BucketsOf({config.distance_buckets, config.farthest_distance, /*both_directions=*/false},
                                       key - key.view({1, longest, 1}));
  return at::embedding(inputs.relative_bias, buckets).permute({0, 3, 1, 2});
}

}  // namespace

TextInputs DecoderStart(const TextInputs& texts) {
  const at::Tensor& start = texts.answers().start;
  TORCH_CHECK(start.defined(), "DecoderStart: the texts have no tokens with which the decoder begins");
  const int64_t length = start.size(0);
  const at::Tensor first = at::arange(texts.size(), at::kLong) * length;
  return {start.repeat({texts.size()}), at::stack({first, at::full_like(first, length)}, 1),
          at::full({texts.size()}, length - 1, at::kLong), Answers()};
}

at::Tensor EmbeddedTokens(const LayerParts& parts, const ParamList& p, const TextInputs& decoded,
                          const Dropout& dropout) {
  return DroppedAt(DecoderDropoutPlaces(parts.config()).embeddings,
                   at::embedding(p[parts.layout().words], decoded.ids()), dropout);
}

at::Tensor DecoderLayers(const LayerParts& parts, const ParamList& p, const DecoderInputs& inputs, at::Tensor x,
                         size_t first, size_t end, const Dropout& dropout) {
  const EncoderLayout& layout = parts.layout();
  const DecoderDropoutPlaces places(parts.config());
  if (first >= end) {
    return x;
  }
  const TextInputs& decoded = inputs.decoded;
  const bool full = decoded.tokens() == decoded.size() * decoded.longest();
  const at::Tensor bias = OwnBias(parts.config(), inputs);
  ReachBiases reach_biases(decoded);
  const auto added = [&](const at::Tensor& result, int64_t place) { x = x + DroppedAt(place, result, dropout); };
  for (size_t j = first; j < end; ++j) {
    const LayerPlaces& own = layout.decoder_layers[j].own;
    const LayerPlaces& cross = layout.decoder_layers[j].cross;
    AttentionSettings settings;
    settings.bias = [&](const at::Tensor& /*query*/, const at::Tensor& /*key*/) { return bias; };
    settings.prefix = parts.PrefixOf(p, own);
    settings.reach.after = 0;
    settings.reach_biases = &reach_biases;
    settings.key_bias = full ? at::Tensor() : decoded.packing().attention_bias;
    settings.softmax_type = p[own.out_norm].scalar_type();
    settings.layer = static_cast<size_t>(places.Own(j));
    at::Tensor seen = parts.Norm(p, x, own.attention_norm);
    const at::Tensor key = parts.Dense(p, seen, own.key);
    const at::Tensor value = parts.WithLora(p, seen, own.value, own.value_lora);
    const at::Tensor query = parts.WithLora(p, seen, own.query, own.query_lora);
    added(parts.Dense(p, parts.Attend(query, key, value, decoded, settings, dropout), own.attention_out),
          3 * places.Own(j) + 2);

    settings.prefix = parts.PrefixOf(p, cross);
    settings.layer = static_cast<size_t>(places.Cross(j));
    seen = parts.Norm(p, x, cross.attention_norm);
    const at::Tensor mixed = parts.AttendAcross(
        parts.WithLora(p, seen, cross.query, cross.query_lora), parts.Dense(p, inputs.encoded, cross.key),
        parts.WithLora(p, inputs.encoded, cross.value, cross.value_lora), decoded, inputs.texts, settings, dropout);
    added(parts.Dense(p, mixed, cross.attention_out), 3 * places.Cross(j) + 2);

    added(parts.FeedForward(p, parts.Norm(p, x, own.out_norm), own, 3 * places.Cross(j) + 3, at::Tensor(), dropout),
          3 * places.Own(j) + 3);
  }
  return end == layout.decoder_layers.size()
             ? DroppedAt(places.DecoderFinal(), parts.Norm(p, x, layout.decoder_final_norm), dropout)
             : x;
}

}  // namespace metaprompt

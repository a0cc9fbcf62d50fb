#include "metaprompt/encoders/bfloat16_layers.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

#include "metaprompt/operations/gather_rows.h"
#include "metaprompt/operations/text_products.h"

namespace metaprompt {

ParamList WithBfloat16Matrices(const EncoderLayout& layout, ParamList params) {
  for (const LayerPlaces& at : layout.layers) {
    for (const size_t matrix :
         {at.query, at.key, at.value, at.position_key, at.position_query, at.attention_out, at.up, at.gate, at.down}) {
      for (const size_t place : {matrix, matrix == kNoParam ? kNoParam : layout.BiasOf(matrix)}) {
        if (place != kNoParam && params[place].defined()) {  // already rounded if layers share it
          params[place] = params[place].to(at::kBFloat16);
        }
      }
    }
  }
  return params;
}

bool TakesBfloat16Layers(const EncoderConfig& config, const EncoderLayout& layout, const ParamList& params) {
  if (at::GradMode::is_enabled() || layout.layers.empty() || layout.relative_bias != kNoParam || config.disentangled ||
      config.pre_norm || config.positions != Positions::kAdded || config.causal || config.key_heads > 0 ||
      config.gated || config.rms_norm || !config.norm_bias || !config.attention_bias || !config.attention_out_bias ||
      !config.feed_forward_bias || !config.local_layers.empty() ||
      config.width % (config.heads * kBfloat16Lanes) != 0) {
    return false;
  }
  const LayerPlaces& last = layout.layers.back();  // its parameters are defined, whichever layers are cached
  const at::Tensor& matrix = params[last.down];
  return matrix.defined() && matrix.is_cpu() && matrix.scalar_type() == at::kBFloat16 && last.query_lora == kNoParam &&
         (last.prefix_key == kNoParam || params[last.prefix_key].dim() == 2) &&
         params[last.out_norm].scalar_type() == at::kFloat;
}

at::Tensor Bfloat16Layers(const EncoderConfig& config, const EncoderLayout& layout, const Bfloat16Table& activation,
                          const ParamList& params, const TextInputs& texts, const at::Tensor& states, size_t first,
                          size_t end, bool slots_alone) {
  const auto dense = [&](const at::Tensor& x, size_t place) { return at::linear(x, params[place], params[place + 1]); };
  const auto add_and_norm = [&](const at::Tensor& x, const at::Tensor& added, size_t place) {
    return AddAndNorm(x, added, params[place], params[place + 1], config.layer_norm_eps);
  };
  const auto prefix = [&](const LayerPlaces& at, size_t which) {
    return at.prefix_key == kNoParam ? at::Tensor() : params[at.prefix_key + which].to(at::kBFloat16).contiguous();
  };
  const double scale = 1.0 / std::sqrt(static_cast<double>(config.width / config.heads));
  at::Tensor places = AttentionPlaces(texts.spans(), /*one_query=*/false);
  const at::Tensor float32 = states.to(at::kFloat).contiguous();
  NormedStates x{float32, float32.to(at::kBFloat16)};
  for (size_t i = first; i < end; ++i) {
    const LayerPlaces& at = layout.layers[i];
    const at::Tensor key = dense(x.bfloat16, at.key);
    const at::Tensor value = dense(x.bfloat16, at.value);
    if (slots_alone && i + 1 == end) {
      for (at::Tensor* rows : {&x.states, &x.bfloat16}) {
        *rows = GatherRows(*rows, texts.packing().read_from, texts.packing().read_to);
      }
      places = AttentionPlaces(texts.spans(), /*one_query=*/true);
    }
    const at::Tensor mixed = AttendInBfloat16(dense(x.bfloat16, at.query), key, value, places, config.heads, scale,
                                              prefix(at, 0), prefix(at, 1));
    x = add_and_norm(x.states, dense(mixed, at.attention_out), at.attention_norm);
    at::Tensor up = dense(x.bfloat16, at.up);
    activation.Apply(&up);
    x = add_and_norm(x.states, dense(up, at.down), at.out_norm);
  }
  return x.states;
}

}  // namespace metaprompt

#include "metaprompt/encoders/layer_parts.h"

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "metaprompt/encoders/layer_dropout.h"
#include "metaprompt/operations/activation.h"
#include "metaprompt/operations/autocast.h"
#include "metaprompt/operations/bfloat16_linear.h"
#include "metaprompt/operations/gather_rows.h"
#include "metaprompt/operations/rms_norm.h"
#include "metaprompt/operations/text_attention.h"
#include "metaprompt/operations/text_products.h"

namespace metaprompt {
namespace {

bool IsFull(const TextInputs& texts) { return texts.tokens() == texts.size() * texts.longest(); }

// Rows [N, A] of packed texts as those of padded texts, [B T, A].
at::Tensor Padded(const at::Tensor& x, const TextInputs& texts) {
  return IsFull(texts) ? x : GatherRows(x, texts.packing().padded_from, texts.packing().packed_from);
}

at::Tensor Packed(const at::Tensor& x, const TextInputs& texts) {
  return IsFull(texts) ? x : GatherRows(x, texts.packing().packed_from, texts.packing().padded_from);
}

// The heads of padded rows.
struct Heads {
  int64_t texts = 0;  // B
  int64_t heads = 0;  // H
  int64_t depth = 0;  // d

  // Rows [B length, H d] by head: [B, H, length, d].
  at::Tensor Of(const at::Tensor& x, int64_t length) const {
    return x.view({texts, length, heads, depth}).transpose(1, 2);
  }

  // Puts the prefix's rows before the texts' rows [B, H, T, d]. Returns [B, H, P + T, d].
  at::Tensor Behind(const at::Tensor& rows, const at::Tensor& own) const {
    if (!rows.defined()) {
      return own;
    }
    const int64_t tasks = rows.dim() == 3 ? rows.size(0) : 1;
    const int64_t length = rows.size(-2);
    const at::Tensor of_texts = rows.reshape({tasks, 1, length, heads, depth})
                                    .expand({tasks, texts / tasks, length, heads, depth})
                                    .reshape({texts, length, heads, depth});
    return at::cat({of_texts.transpose(1, 2), own}, 2);
  }

  // The sum of the rows `values` [B, H, T, d] with the weights [B, H, Q, T]: [B Q, H d].
  at::Tensor Mixed(const at::Tensor& weights, const at::Tensor& values) const {
    return at::matmul(weights, values).transpose(1, 2).reshape({texts * weights.size(2), heads * depth});
  }
};

// Pads a bias with zeros for the prefix.
at::Tensor WithPrefix(const at::Tensor& of_text, const Prefix& prefix) {
  return prefix.key.defined() ? at::constant_pad_nd(of_text, {prefix.key.size(-2), 0}) : of_text;
}

}  // namespace

at::Tensor LayerParts::Dense(const ParamList& p, const at::Tensor& x, size_t place) const {
  const size_t bias_place = layout_.BiasOf(place);
  const at::Tensor bias = bias_place == kNoParam ? at::Tensor() : p[bias_place];
  if (AutocastIsOn(at::kCPU) && TakesBfloat16Linear(x, p[place])) {
    return Bfloat16Linear(x, p[place], bias);
  }
  return at::linear(x, p[place], bias);
}

at::Tensor LayerParts::WithLora(const ParamList& p, const at::Tensor& x, size_t place, size_t lora) const {
  const at::Tensor y = Dense(p, x, place);
  return lora == kNoParam ? y : y + at::linear(at::linear(x, p[lora]) * lora_scale_, p[lora + 1]);
}

at::Tensor LayerParts::Norm(const ParamList& p, const at::Tensor& x, size_t place) const {
  if (place == kNoParam) {
    return x;
  }
  // In the type of the parameters, even if the products before it were computed in bfloat16.
  const at::Tensor states = x.to(p[place].scalar_type());
  if (config_.rms_norm) {
    return RmsNorm(states, p[place], config_.layer_norm_eps);
  }
  const size_t bias = layout_.BiasOf(place);
  return at::layer_norm(states, p[place].sizes(), p[place], bias == kNoParam ? at::Tensor() : p[bias],
                        config_.layer_norm_eps);
}

at::Tensor LayerParts::FeedForward(const ParamList& p, const at::Tensor& x, const LayerPlaces& at, int64_t inside_place,
                                   const at::Tensor& tokens, const Dropout& dropout) const {
  at::Tensor inside = Activate(config_.activation, Dense(p, x, at.up));
  if (at.gate != kNoParam) {
    inside = inside * Dense(p, x, at.gate);
  }
  return Dense(p, config_.drops_inside_feed_forward ? DroppedAt(inside_place, inside, dropout, tokens) : inside,
               at.down);
}

Prefix LayerParts::PrefixOf(const ParamList& p, const LayerPlaces& at) const {
  return at.prefix_key == kNoParam ? Prefix{}
                                   : Prefix{ForEachHead(p[at.prefix_key]), ForEachHead(p[at.prefix_key + 1])};
}

at::Tensor LayerParts::ForEachHead(const at::Tensor& rows) const {
  const int64_t groups = config_.key_heads;
  if (groups == 0 || groups == config_.heads) {
    return rows;
  }
  std::vector<int64_t> shape = rows.sizes().vec();
  shape.back() = config_.attended();
  return rows.reshape({-1, groups, 1, config_.depth()})
      .expand({-1, groups, config_.heads / groups, config_.depth()})
      .reshape(shape);
}

double LayerParts::ScoreScale() const {
  if (!config_.scaled_scores) {
    return 1;
  }
  int64_t terms = 1;  // all terms have the same variance (He et al. 2021, section 3.1.1)
  if (config_.disentangled) {
    terms += (config_.disentangled->content_to_position ? 1 : 0) + (config_.disentangled->position_to_content ? 1 : 0);
  }
  return 1.0 / std::sqrt(static_cast<double>(terms * config_.depth()));
}

at::Tensor LayerParts::Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                              const TextInputs& texts, const AttentionSettings& settings,
                              const Dropout& dropout) const {
  const bool slots_alone = settings.slots_alone;
  const Prefix& prefix = settings.prefix;
  const double scale = ScoreScale();
  const at::ScalarType type = key.scalar_type();
  if (key.is_cpu() && settings.bias == nullptr && !prefix.key.defined() &&
      (type == at::kFloat || type == at::kDouble)) {
    const at::Tensor places = AttentionPlaces(texts.spans(), slots_alone);
    const at::Tensor dropped =
        dropout.attention == 0
            ? at::Tensor()
            : MaskRowsOfPairs(PlaceSeed(dropout.seed, 3 * static_cast<int64_t>(settings.layer) + 1), places,
                              config_.heads, slots_alone ? texts.packing().read_from : at::Tensor());
    return AttendWithinTexts(query, key, value, places, config_.heads, scale, dropout.attention, dropped,
                             settings.reach, slots_alone ? texts.read_at() : at::Tensor());
  }
  const int64_t longest = texts.longest();
  const Heads heads{texts.size(), config_.heads, config_.depth()};
  const at::Tensor scaled = scale == 1 ? query : query * scale;
  const at::Tensor q = heads.Of(slots_alone ? scaled : Padded(scaled, texts), slots_alone ? 1 : longest);
  const at::Tensor own_keys = heads.Of(Padded(key, texts), longest);
  const at::Tensor k = heads.Behind(prefix.key, own_keys);
  at::Tensor scores = at::matmul(q, k.transpose(2, 3));  // [B, H, Q, P + T]
  if (settings.bias != nullptr) {
    scores = scores + WithPrefix(settings.bias(q, own_keys), prefix);
  }
  if (settings.key_bias.defined()) {
    scores = scores + WithPrefix(settings.key_bias, prefix);
  }
  if (!settings.reach.IsAll(longest)) {
    scores = scores + WithPrefix(settings.reach_biases->Of(settings.reach, slots_alone), prefix);
  }
  const at::Tensor v = heads.Behind(prefix.value, heads.Of(Padded(value, texts), longest));
  const at::Tensor weights =
      DroppedWeights(static_cast<int64_t>(settings.layer), at::softmax(scores.to(settings.softmax_type), -1), texts,
                     slots_alone, dropout);
  const at::Tensor mixed = heads.Mixed(weights, v);
  return slots_alone ? mixed : Packed(mixed, texts);
}

at::Tensor LayerParts::AttendAcross(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                                    const TextInputs& decoded, const TextInputs& texts,
                                    const AttentionSettings& settings, const Dropout& dropout) const {
  const Prefix& prefix = settings.prefix;
  const double scale = ScoreScale();
  const Heads heads{texts.size(), config_.heads, config_.depth()};
  // All sequences of a text are one list of queries.
  const int64_t queries = decoded.size() / texts.size() * decoded.longest();
  const at::Tensor q = heads.Of(Padded(scale == 1 ? query : query * scale, decoded), queries);
  const at::Tensor k = heads.Behind(prefix.key, heads.Of(Padded(key, texts), texts.longest()));
  at::Tensor scores = at::matmul(q, k.transpose(2, 3));
  if (!IsFull(texts)) {
    scores = scores + WithPrefix(texts.packing().attention_bias, prefix);
  }
  const at::Tensor v = heads.Behind(prefix.value, heads.Of(Padded(value, texts), texts.longest()));
  const at::Tensor weights =
      DroppedWeights(static_cast<int64_t>(settings.layer), at::softmax(scores.to(settings.softmax_type), -1), decoded,
                     /*slots_alone=*/false, dropout);
  return Packed(heads.Mixed(weights, v), decoded);
}

}  // namespace metaprompt

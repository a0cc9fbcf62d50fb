#include "metaprompt/encoders/encoder.h"

#include <ATen/ATen.h>

#include <cmath>

#include "metaprompt/encoders/gather_rows.h"
#include "metaprompt/encoders/text_attention.h"
#include "metaprompt/encoders/text_products.h"

namespace metaprompt {
namespace {

at::Tensor Dense(const ParamList& p, const at::Tensor& x, size_t place) {
  return at::linear(x, p[place], p[place + 1]);
}

at::Tensor Activate(Activation activation, const at::Tensor& x) {
  switch (activation) {
    case Activation::kGelu:
      return at::gelu(x);
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kRelu:
      return at::relu(x);
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kQuickGelu:  // Hendrycks and Gimpel 2016
      return x * at::sigmoid(x * 1.702);
  }
  return x;
}

// Which bias a key at a distance (its position less the query's) has: half of the buckets for either side, half of
// those for a distance each, the rest growing geometrically up to a distance of 128 (Raffel et al. 2020, as MPNet has
// it).
at::Tensor RelativeBuckets(const at::Tensor& distance) {
  constexpr int64_t kBuckets = 32;  // whatever the table's size: so MPNet was published
  constexpr double kFarthest = 128;
  constexpr int64_t kSide = kBuckets / 2;
  constexpr int64_t kExact = kSide / 2;
  const at::Tensor away = distance.abs();
  // In float and in this order, as MPNet was trained: a distance of 16 must not round down to 1.9999999.
  const at::Tensor far = ((at::log(away.to(at::kFloat) / kExact) / std::log(kFarthest / static_cast<double>(kExact))) *
                          static_cast<double>(kSide - kExact))
                             .clamp_min(0)
                             .to(at::kLong) +
                         kExact;
  return at::where(away < kExact, away, far.clamp_max(kSide - 1)) + (distance > 0).to(at::kLong) * kSide;
}

}  // namespace

Encoder::Encoder(const EncoderConfig& config, bool with_head) : config_(config), layout_(LayoutOf(config, with_head)) {}

std::vector<ParamInfo> Encoder::AddLora(int64_t rank, double alpha, size_t first) {
  lora_scale_ = alpha / static_cast<double>(rank);
  return metaprompt::AddLora(rank, first, &layout_);
}

std::vector<ParamInfo> Encoder::AddPrefixes(int64_t length, size_t first) {
  return metaprompt::AddPrefixes(length, first, &layout_);
}

Encoder::Prefix Encoder::PrefixOf(const ParamList& p, const LayerPlaces& at) const {
  return at.prefix_key == kNoParam ? Prefix{} : Prefix{p[at.prefix_key], p[at.prefix_key + 1]};
}

ParamList Encoder::Folded(const ParamList& p) const {
  ParamList folded(p.begin(), p.begin() + static_cast<int64_t>(layout_.params.size()));
  for (const LayerPlaces& at : layout_.layers) {
    for (const auto& [place, lora] :
         {std::make_pair(at.query, at.query_lora), std::make_pair(at.value, at.value_lora)}) {
      if (lora != kNoParam) {  // once, too, where layers share them
        folded[place] = p[place] + at::matmul(p[lora + 1], p[lora]) * lora_scale_;
      }
    }
  }
  return folded;
}

// W x + b + alpha / rank B (A x): no matrix of W's size is made.
at::Tensor Encoder::WithLora(const ParamList& p, const at::Tensor& x, size_t place, size_t lora) const {
  const at::Tensor y = Dense(p, x, place);
  return lora == kNoParam ? y : y + at::linear(at::linear(x, p[lora]) * lora_scale_, p[lora + 1]);
}

at::Tensor Encoder::Norm(const ParamList& p, const at::Tensor& x, size_t place) const {
  // In the parameters' own type, whatever type the products before had.
  return at::layer_norm(x.to(p[place].scalar_type()), p[place].sizes(), p[place], p[place + 1], config_.layer_norm_eps);
}

at::Tensor Encoder::Embedded(const ParamList& p, const at::Tensor& soft, const Batch& batch) const {
  const at::Tensor& words = p[layout_.words];
  at::Tensor table = words;
  if (soft.defined() && soft.numel() > 0) {
    at::Tensor of_tasks = soft;  // [M S, E]
    if (soft.dim() == 3) {
      of_tasks = soft.reshape({soft.size(0) * soft.size(1), soft.size(2)});
    } else if (batch.tasks > 1) {
      of_tasks = soft.repeat({batch.tasks, 1});
    }
    table = at::cat({words, of_tasks});
  }
  const at::Tensor places = config_.position_offset == 0 ? batch.positions : batch.positions + config_.position_offset;
  at::Tensor x = at::embedding(table, batch.token_ids) + at::embedding(p[layout_.positions], places);
  if (layout_.token_types != kNoParam) {
    x = x + p[layout_.token_types].select(0, 0);
  }
  x = Norm(p, x, layout_.embedding_norm);
  return layout_.embedding_map == kNoParam ? x : Dense(p, x, layout_.embedding_map);
}

// [1 or B, H, queries, T] of the table [buckets, H]; undefined where the architecture has none.
at::Tensor Encoder::RelativeBias(const at::Tensor& relative, const Batch& batch, bool masks_alone) const {
  if (!relative.defined()) {
    return {};
  }
  const at::Tensor key = at::arange(batch.longest, batch.positions.options());
  const at::Tensor query =
      masks_alone ? batch.packed_from.index_select(0, batch.mask_from).remainder(batch.longest).view({batch.size, 1, 1})
                  : key.view({1, batch.longest, 1});
  const at::Tensor buckets = RelativeBuckets(key - query);
  return at::embedding(relative, buckets).permute({0, 3, 1, 2});
}

// Scaled dot-product attention (Vaswani et al. 2017, eq. 1) of `query` [N, D], or [B, D] with masks_alone, over `key`
// and `value` [N, D], and of those of a prefix. Returns as many rows as `query`. Differentiable twice, as LibTorch's
// own fused kernels aren't: on the CPU text by text, elsewhere (and with a bias or a prefix, or in bfloat16) with all
// texts padded to the longest.
at::Tensor Encoder::Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const at::Tensor& bias, const Prefix& prefix, const Batch& batch, bool masks_alone) const {
  const int64_t heads = config_.heads;
  const int64_t depth = config_.width / heads;
  const double scale = 1.0 / std::sqrt(static_cast<double>(depth));
  const at::ScalarType type = key.scalar_type();
  if (key.is_cpu() && !bias.defined() && !prefix.key.defined() && (type == at::kFloat || type == at::kDouble)) {
    return AttendWithinTexts(query, key, value, AttentionPlaces(batch.spans, masks_alone), heads, scale);
  }
  const int64_t queries = masks_alone ? 1 : batch.longest;  // a text
  const bool full = batch.token_ids.size(0) == batch.size * batch.longest;
  const auto padded = [&](const at::Tensor& x) {
    return full ? x : GatherRows(x, batch.padded_from, batch.packed_from);
  };
  const auto by_head = [&](const at::Tensor& x, int64_t length) {  // [B, H, length, d]
    return x.view({batch.size, length, heads, depth}).transpose(1, 2);
  };
  // The prefix's rows before a text's own [B, H, T, d]: [B, H, P + T, d].
  const auto behind = [&](const at::Tensor& rows, const at::Tensor& own) {
    if (!rows.defined()) {
      return own;
    }
    const int64_t tasks = rows.dim() == 3 ? rows.size(0) : 1;
    const int64_t length = rows.size(-2);
    const at::Tensor of_texts = rows.reshape({tasks, 1, length, heads, depth})
                                    .expand({tasks, batch.size / tasks, length, heads, depth})
                                    .reshape({batch.size, length, heads, depth});
    return at::cat({of_texts.transpose(1, 2), own}, 2);
  };
  // A bias has none for the prefix.
  const auto with_prefix = [&](const at::Tensor& of_text) {
    return prefix.key.defined() ? at::constant_pad_nd(of_text, {prefix.key.size(-2), 0}) : of_text;
  };
  const at::Tensor scaled = query * scale;
  const at::Tensor q = by_head(masks_alone ? scaled : padded(scaled), queries);
  const at::Tensor k = behind(prefix.key, by_head(padded(key), batch.longest));
  at::Tensor scores = at::matmul(q, k.transpose(2, 3));  // [B, H, Q, P + T]
  if (bias.defined()) {
    scores = scores + with_prefix(bias);
  }
  if (!full) {
    scores = scores + with_prefix(batch.attention_bias);
  }
  const at::Tensor v = behind(prefix.value, by_head(padded(value), batch.longest));
  const at::Tensor mixed =
      at::matmul(at::softmax(scores.to(batch.attention_bias.scalar_type()), -1), v)  // [B, H, Q, d]
          .transpose(1, 2)
          .reshape({batch.size * queries, config_.width});
  return masks_alone || full ? mixed : GatherRows(mixed, batch.packed_from, batch.padded_from);
}

// Layers begin, begin + 1, ... end - 1, counted from 0 as they are applied; with masks_alone the last of them gives the
// masks' rows.
at::Tensor Encoder::Layers(const ParamList& p, at::Tensor x, const at::Tensor& relative, const Batch& batch,
                           size_t begin, size_t end, bool masks_alone) const {
  const at::Tensor every_bias =
      end > begin + (masks_alone ? 1 : 0) ? RelativeBias(relative, batch, false) : at::Tensor();
  for (size_t i = begin; i < end; ++i) {
    const LayerPlaces& at = layout_.layers[i];
    const bool at_masks = masks_alone && i + 1 == end;
    const at::Tensor key = Dense(p, x, at.key);
    const at::Tensor value = WithLora(p, x, at.value, at.value_lora);
    if (at_masks) {
      x = GatherRows(x, batch.mask_from, batch.mask_to);  // [B, D]: all that the head will read
    }
    const at::Tensor query = WithLora(p, x, at.query, at.query_lora);
    const at::Tensor bias = at_masks ? RelativeBias(relative, batch, true) : every_bias;
    const at::Tensor mixed = Attend(query, key, value, bias, PrefixOf(p, at), batch, at_masks);
    x = Norm(p, x + Dense(p, mixed, at.attention_out), at.attention_norm);
    const at::Tensor up = Activate(config_.activation, Dense(p, x, at.up));
    x = Norm(p, x + Dense(p, up, at.down), at.out_norm);
  }
  return x;
}

at::Tensor Encoder::Last(const ParamList& p, const at::Tensor& soft, const Batch& batch, bool masks_alone) const {
  const bool has_relative = layout_.relative_bias != kNoParam;
  if (batch.lowered == 0) {
    return Layers(p, Embedded(p, soft, batch), has_relative ? p[layout_.relative_bias] : at::Tensor(), batch, 0,
                  layout_.layers.size(), masks_alone);
  }
  return Layers(p, batch.lower[0], has_relative ? batch.lower[1] : at::Tensor(), batch,
                static_cast<size_t>(batch.lowered) - 1, layout_.layers.size(), masks_alone);
}

at::Tensor Encoder::States(const ParamList& params, const at::Tensor& soft, const Batch& batch) const {
  return Last(params, soft, batch, /*masks_alone=*/false);
}

at::Tensor Encoder::AtMask(const ParamList& params, const at::Tensor& soft, const Batch& batch) const {
  return Last(params, soft, batch, /*masks_alone=*/true);
}

std::vector<at::Tensor> Encoder::StatesBefore(const ParamList& p, const at::Tensor& soft, const Batch& batch,
                                              int i) const {
  const at::Tensor relative = layout_.relative_bias == kNoParam ? at::Tensor() : p[layout_.relative_bias];
  const at::Tensor states =
      Layers(p, Embedded(p, soft, batch), relative, batch, 0, static_cast<size_t>(i) - 1, /*masks_alone=*/false);
  if (!relative.defined()) {
    return {states};
  }
  return {states, relative.view_as(relative)};
}

at::Tensor Encoder::Transformed(const ParamList& p, const at::Tensor& states) const {
  if (!layout_.has_head()) {
    return states;
  }
  return Norm(p, Activate(config_.head_activation, Dense(p, states, layout_.transform)), layout_.transform_norm);
}

at::Tensor Encoder::VocabularyLogits(const ParamList& p, const at::Tensor& read) const {
  const at::Tensor bias = layout_.decoder_bias == kNoParam ? at::Tensor() : p[layout_.decoder_bias];
  return at::linear(read, p[layout_.decoder], bias);
}

at::Tensor Encoder::ClassVectors(const ParamList& p, const Answers& answers) const {
  const int64_t ways = answers.ids.size(0);
  const int64_t words = answers.ids.size(1);
  const at::Tensor ids = answers.ids.view({-1});
  const at::Tensor rows = at::embedding(p[layout_.decoder], ids).view({ways, words, -1});
  return at::matmul(answers.weights.unsqueeze(1), rows).squeeze(1);
}

at::Tensor Encoder::ClassBiases(const ParamList& p, const Answers& answers) const {
  if (layout_.decoder_bias == kNoParam) {
    return at::zeros({answers.ids.size(0)}, answers.weights.options());
  }
  const at::Tensor biases = p[layout_.decoder_bias].index_select(0, answers.ids.view({-1})).view_as(answers.ids);
  return (biases * answers.weights).sum(1);
}

}  // namespace metaprompt

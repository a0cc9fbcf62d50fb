#include "metaprompt/encoder.h"

#include <ATen/ATen.h>

#include <cmath>

#include "metaprompt/gather_rows.h"

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

// RoBERTa's and MPNet's heads have GELU whatever the configuration says; the others what it says.
Activation HeadActivation(const EncoderConfig& config) {
  const bool fixed = config.architecture == Architecture::kRoberta || config.architecture == Architecture::kMpnet;
  return fixed ? Activation::kGelu : config.activation;
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

at::Tensor Encoder::Norm(const ParamList& p, const at::Tensor& x, size_t place) const {
  // In the parameters' own type, whatever type the products before had.
  return at::layer_norm(x.to(p[place].scalar_type()), p[place].sizes(), p[place], p[place + 1], config_.layer_norm_eps);
}

at::Tensor Encoder::Embedded(const ParamList& p, const at::Tensor& soft, const Batch& batch) const {
  const at::Tensor& words = p[layout_.words];
  const at::Tensor table = soft.defined() && soft.size(0) > 0 ? at::cat({words, soft}) : words;
  const at::Tensor places = config_.position_offset == 0 ? batch.positions : batch.positions + config_.position_offset;
  at::Tensor x = at::embedding(table, batch.token_ids) + at::embedding(p[layout_.positions], places);
  if (layout_.token_types != kNoParam) {
    x = x + p[layout_.token_types].select(0, 0);
  }
  x = Norm(p, x, layout_.embedding_norm);
  return layout_.embedding_map == kNoParam ? x : Dense(p, x, layout_.embedding_map);
}

// [1 or B, H, queries, T]; undefined where the architecture has none.
at::Tensor Encoder::RelativeBias(const ParamList& p, const Batch& batch, bool masks_alone) const {
  if (layout_.relative_bias == kNoParam) {
    return {};
  }
  const at::Tensor key = at::arange(batch.longest, batch.positions.options());
  const at::Tensor query =
      masks_alone ? batch.packed_from.index_select(0, batch.mask_from).remainder(batch.longest).view({batch.size, 1, 1})
                  : key.view({1, batch.longest, 1});
  const at::Tensor buckets = RelativeBuckets(key - query);
  return at::embedding(p[layout_.relative_bias], buckets).permute({0, 3, 1, 2});
}

// Scaled dot-product attention (Vaswani et al. 2017, eq. 1) of `query` [N, D], or [B, D] with masks_alone, over `key`
// and `value` [N, D]. Returns as many rows as `query`. Written out with two products and a softmax, which can be
// differentiated twice, as fused kernels can't. Where all texts are of one length, packed is padded, and nothing moves.
at::Tensor Encoder::Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const at::Tensor& bias, const Batch& batch, bool masks_alone) const {
  const int64_t heads = config_.heads;
  const int64_t depth = config_.width / heads;
  const int64_t queries = masks_alone ? 1 : batch.longest;  // a text
  const bool full = batch.token_ids.size(0) == batch.size * batch.longest;
  const auto padded = [&](const at::Tensor& x) {
    return full ? x : GatherRows(x, batch.padded_from, batch.packed_from);
  };
  const auto by_head = [&](const at::Tensor& x, int64_t length) {  // [B, H, length, d]
    return x.view({batch.size, length, heads, depth}).transpose(1, 2);
  };
  const at::Tensor scaled = query * (1.0 / std::sqrt(static_cast<double>(depth)));
  const at::Tensor q = by_head(masks_alone ? scaled : padded(scaled), queries);
  const at::Tensor k = by_head(padded(key), batch.longest);
  at::Tensor scores = at::matmul(q, k.transpose(2, 3));  // [B, H, Q, T]
  if (bias.defined()) {
    scores = scores + bias;
  }
  if (!full) {
    scores = scores + batch.attention_bias;
  }
  const at::ScalarType type = batch.attention_bias.scalar_type();  // the parameters'; the products' may be another
  const at::Tensor mixed =
      at::matmul(at::softmax(scores.to(type), -1), by_head(padded(value), batch.longest))  // [B, H, Q, d]
          .transpose(1, 2)
          .reshape({batch.size * queries, config_.width});
  return masks_alone || full ? mixed : GatherRows(mixed, batch.packed_from, batch.padded_from);
}

at::Tensor Encoder::Layers(const ParamList& p, const at::Tensor& soft, const Batch& batch, bool masks_alone) const {
  at::Tensor x = Embedded(p, soft, batch);
  const at::Tensor every_bias =
      layout_.layers.size() > 1 || !masks_alone ? RelativeBias(p, batch, false) : at::Tensor();
  for (size_t i = 0; i < layout_.layers.size(); ++i) {
    const LayerPlaces& at = layout_.layers[i];
    const bool at_masks = masks_alone && i + 1 == layout_.layers.size();
    const at::Tensor key = Dense(p, x, at.key);
    const at::Tensor value = Dense(p, x, at.value);
    if (at_masks) {
      x = GatherRows(x, batch.mask_from, batch.mask_to);  // [B, D]: all that the head will read
    }
    const at::Tensor query = Dense(p, x, at.query);
    const at::Tensor bias = at_masks ? RelativeBias(p, batch, true) : every_bias;
    const at::Tensor mixed = Attend(query, key, value, bias, batch, at_masks);
    x = Norm(p, x + Dense(p, mixed, at.attention_out), at.attention_norm);
    const at::Tensor up = Activate(config_.activation, Dense(p, x, at.up));
    x = Norm(p, x + Dense(p, up, at.down), at.out_norm);
  }
  return x;
}

at::Tensor Encoder::States(const ParamList& params, const at::Tensor& soft, const Batch& batch) const {
  return Layers(params, soft, batch, /*masks_alone=*/false);
}

at::Tensor Encoder::AtMask(const ParamList& params, const at::Tensor& soft, const Batch& batch) const {
  return Layers(params, soft, batch, /*masks_alone=*/true);
}

at::Tensor Encoder::Transformed(const ParamList& p, const at::Tensor& states) const {
  if (!layout_.has_head()) {
    return states;
  }
  return Norm(p, Activate(HeadActivation(config_), Dense(p, states, layout_.transform)), layout_.transform_norm);
}

at::Tensor Encoder::VocabularyLogits(const ParamList& p, const at::Tensor& read) const {
  const at::Tensor bias = layout_.decoder_bias == kNoParam ? at::Tensor() : p[layout_.decoder_bias];
  return at::linear(read, p[layout_.decoder], bias);
}

ParamList Encoder::ClassHead(const ParamList& p, const Answers& answers) const {
  const int64_t ways = answers.ids.size(0);
  const int64_t words = answers.ids.size(1);
  const at::Tensor ids = answers.ids.view({-1});
  const at::Tensor rows = at::embedding(p[layout_.decoder], ids).view({ways, words, -1});
  const at::Tensor vectors = at::matmul(answers.weights.unsqueeze(1), rows).squeeze(1);
  if (layout_.decoder_bias == kNoParam) {
    return {vectors, at::zeros({ways}, vectors.options())};
  }
  const at::Tensor biases = p[layout_.decoder_bias].index_select(0, ids).view({ways, words});
  return {vectors, (biases * answers.weights).sum(1)};
}

}  // namespace metaprompt

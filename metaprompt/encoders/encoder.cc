#include "metaprompt/encoders/encoder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>

#include "metaprompt/encoders/bfloat16_layers.h"
#include "metaprompt/encoders/image_embedding.h"
#include "metaprompt/encoders/layer_dropout.h"
#include "metaprompt/encoders/padded_texts.h"
#include "metaprompt/operations/autocast.h"
#include "metaprompt/operations/bfloat16_linear.h"
#include "metaprompt/operations/gather_rows.h"
#include "metaprompt/operations/rms_norm.h"
#include "metaprompt/operations/text_attention.h"
#include "metaprompt/operations/text_products.h"

namespace metaprompt {
namespace {

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

// The activation as a table for bfloat16 numbers, which is computed at the first use.
const Bfloat16Table& TableOf(Activation activation) {
  static std::mutex mutex;
  static auto* const tables = new std::map<Activation, Bfloat16Table>();
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = tables->find(activation);
  return found != tables->end()
             ? found->second
             : tables->emplace(activation, [&](const at::Tensor& x) { return Activate(activation, x); }).first->second;
}

// The bucket of the relative bias for each distance (position of the key minus position of the query). Half of the
// buckets are for keys after the query. In each half, the first 8 buckets are single distances, and the others grow
// geometrically up to a distance of 128 (Raffel et al. 2020, as in MPNet).
at::Tensor RelativeBuckets(const at::Tensor& distance) {
  constexpr int64_t kBuckets = 32;  // also if the table has another size, as in the published MPNet
  constexpr double kFarthest = 128;
  constexpr int64_t kSide = kBuckets / 2;
  constexpr int64_t kExact = kSide / 2;
  const at::Tensor away = distance.abs();
  // In float32 and in this order, as in the training of MPNet: at a distance of 16 the value must be 2, not 1.9999999,
  // which would be rounded down.
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
  return at.prefix_key == kNoParam ? Prefix{}
                                   : Prefix{ForEachHead(p[at.prefix_key]), ForEachHead(p[at.prefix_key + 1])};
}

at::Tensor Encoder::ForEachHead(const at::Tensor& rows) const {
  const int64_t groups = config_.key_heads;
  if (groups == 0 || groups == config_.heads) {
    return rows;
  }
  std::vector<int64_t> shape = rows.sizes().vec();
  shape.back() = config_.width;
  return rows.reshape({-1, groups, 1, config_.width / config_.heads})
      .expand({-1, groups, config_.heads / groups, config_.width / config_.heads})
      .reshape(shape);
}

ParamList Encoder::Folded(const ParamList& p) const {
  ParamList folded(p.begin(), p.begin() + static_cast<int64_t>(layout_.params.size()));
  for (const LayerPlaces& at : layout_.layers) {
    for (const auto& [place, lora] :
         {std::make_pair(at.query, at.query_lora), std::make_pair(at.value, at.value_lora)}) {
      if (lora != kNoParam) {  // if layers share a matrix, it is assigned again with the same values
        folded[place] = p[place] + at::matmul(p[lora + 1], p[lora]) * lora_scale_;
      }
    }
  }
  return folded;
}

// W x + b + (alpha / rank) B (A x). Does not compute B A, which is as large as W.
at::Tensor Encoder::WithLora(const ParamList& p, const at::Tensor& x, size_t place, size_t lora) const {
  const at::Tensor y = Dense(p, x, place);
  return lora == kNoParam ? y : y + at::linear(at::linear(x, p[lora]) * lora_scale_, p[lora + 1]);
}

at::Tensor Encoder::Dense(const ParamList& p, const at::Tensor& x, size_t place) const {
  const size_t bias_place = layout_.BiasOf(place);
  const at::Tensor bias = bias_place == kNoParam ? at::Tensor() : p[bias_place];
  if (AutocastIsOn(at::kCPU) && TakesBfloat16Linear(x, p[place])) {
    return Bfloat16Linear(x, p[place], bias);
  }
  return at::linear(x, p[place], bias);
}

at::Tensor Encoder::Norm(const ParamList& p, const at::Tensor& x, size_t place) const {
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

at::Tensor Encoder::FeedForward(const ParamList& p, const at::Tensor& x, const LayerPlaces& at, int64_t place,
                                const at::Tensor& tokens, const Dropout& dropout) const {
  at::Tensor inside = Activate(config_.activation, Dense(p, x, at.up));
  if (at.gate != kNoParam) {
    inside = inside * Dense(p, x, at.gate);
  }
  return Dense(p, config_.drops_inside_feed_forward ? DroppedAt(place, inside, dropout, tokens) : inside, at.down);
}

EncoderState Encoder::Embedded(const ParamList& p, const at::Tensor& soft, const TextInputs& texts,
                               const Dropout& dropout) const {
  const Packing& packing = texts.packing();
  at::Tensor table = p[layout_.words];
  at::Tensor rows = texts.ids();
  if (soft.defined() && soft.numel() > 0) {
    const int64_t words = table.size(0);
    const int64_t tasks = soft.dim() == 3 ? soft.size(0) : 1;
    const int64_t vectors = soft.size(-2);
    at::Tensor soft_rows = (words - 1) - rows;  // soft vector s has id -1 - s and is row words + s of the table below
    if (tasks > 1) {
      const int64_t texts_per_task = texts.size() / tasks;
      soft_rows = soft_rows + at::floor_divide(packing.packed_from, texts_per_task * packing.longest) * vectors;
    }
    rows = at::where(packing.is_soft, soft_rows, rows);
    table = at::cat({table, soft.dim() == 3 ? soft.reshape({tasks * vectors, soft.size(2)}) : soft});
  }
  at::Tensor x = at::embedding(table, rows);
  if (layout_.positions != kNoParam) {
    const at::Tensor places =
        config_.position_offset == 0 ? packing.positions : packing.positions + config_.position_offset;
    x = x + at::embedding(p[layout_.positions], places);
  }
  if (layout_.token_types != kNoParam) {
    x = x + p[layout_.token_types].select(0, 0);
  }
  x = DroppedAt(0, Norm(p, x, layout_.embedding_norm), dropout);
  x = layout_.embedding_map == kNoParam ? x : Dense(p, x, layout_.embedding_map);
  return {0, x, layout_.relative_bias == kNoParam ? at::Tensor() : p[layout_.relative_bias],
          layout_.distances == kNoParam ? at::Tensor() : Norm(p, p[layout_.distances], layout_.distance_norm)};
}

EncoderState Encoder::Embedded(const ParamList& p, const at::Tensor& soft, const ImageInputs& images,
                               const Dropout& dropout) const {
  const at::Tensor x = EmbeddedImages(p, layout_, soft, images);
  return {0, DroppedAt(0, Norm(p, x, layout_.embedding_norm), dropout), {}, {}};
}

std::vector<Encoder::LayerPositions> Encoder::PositionsOf(const TextInputs& texts, at::ScalarType type) const {
  const bool rotary = config_.positions == Positions::kRotary;
  const auto table = [&](double theta) {
    return MakeRotaryTable(texts.longest(), config_.width / config_.heads, theta, type, texts.ids().device());
  };
  LayerPositions global;
  global.reach.after = config_.causal ? 0 : Reach::kAll;
  LayerPositions local;
  local.reach = {config_.window, config_.window};
  if (rotary) {
    global.rotary = table(config_.rotary_theta);
    local.rotary = config_.local_layers.empty() ? RotaryTable() : table(config_.local_rotary_theta);
  }
  std::vector<LayerPositions> layers(num_layers(), global);
  for (size_t i = 0; i < config_.local_layers.size(); ++i) {
    if (config_.local_layers[i]) {
      layers[i] = local;
    }
  }
  return layers;
}

// The bias [1 or B, H, queries, T] from the table `relative` [buckets, H]; undefined if the architecture has none.
at::Tensor Encoder::RelativeBias(const at::Tensor& relative, const TextInputs& texts, bool slots_alone) const {
  if (!relative.defined()) {
    return {};
  }
  const Packing& packing = texts.packing();
  const int64_t longest = packing.longest;
  const at::Tensor key = at::arange(longest, packing.positions.options());
  const at::Tensor query =
      slots_alone ? packing.packed_from.index_select(0, packing.read_from).remainder(longest).view({texts.size(), 1, 1})
                  : key.view({1, longest, 1});
  const at::Tensor buckets = RelativeBuckets(key - query);
  return at::embedding(relative, buckets).permute({0, 3, 1, 2});
}

double Encoder::ScoreScale() const {
  int64_t terms = 1;  // all terms have the same variance (He et al. 2021, section 3.1.1)
  if (config_.disentangled) {
    terms += (config_.disentangled->content_to_position ? 1 : 0) + (config_.disentangled->position_to_content ? 1 : 0);
  }
  return 1.0 / std::sqrt(static_cast<double>(terms * (config_.width / config_.heads)));
}

Encoder::PairBias Encoder::DisentangledBias(const ParamList& p, const at::Tensor& distances, const DistanceRows& rows,
                                            size_t i, const Dropout& dropout) const {
  const LayerPlaces& at = layout_.layers[i];
  const int64_t place = 3 * static_cast<int64_t>(num_layers()) + 1 + static_cast<int64_t>(i);
  const at::Tensor used = DroppedAt(place, distances.narrow(0, rows.first, rows.count),
                                    {dropout.hidden, dropout.attention, dropout.seed, /*masks=*/nullptr},
                                    at::arange(rows.first, rows.first + rows.count, at::kLong));
  at::Tensor of_keys;
  at::Tensor of_queries;
  if (at.position_key != kNoParam) {
    of_keys = Dense(p, used, at.position_key);
  }
  if (at.position_query != kNoParam) {
    const size_t lora = at.position_query == at.query ? at.query_lora : kNoParam;
    of_queries = WithLora(p, used, at.position_query, lora) * ScoreScale();
  }
  return [index = rows.index, of_keys, of_queries](const at::Tensor& query, const at::Tensor& key) {
    return DistanceScores(query, key, of_keys, of_queries, index);
  };
}

// Scaled dot-product attention (Vaswani et al. 2017, eq. 1) of `query` [N, D], or [B, D] with slots_alone, over `key`
// and `value` [N, D] and the prefix. The result has the shape of `query`. It can be differentiated twice, unlike
// LibTorch's fused kernels. On the CPU, each text is computed separately, without padding. With a bias, a prefix or
// bfloat16, all texts are padded to the length of the longest. On other devices they are padded before the first layer.
// `key_bias` [B, 1, 1, T] hides padding; undefined: there is none.
at::Tensor Encoder::Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const PairBias& bias, const Prefix& prefix, const Reach& reach, ReachBiases* reach_biases,
                           const TextInputs& texts, const at::Tensor& key_bias, bool slots_alone,
                           at::ScalarType softmax_type, size_t layer, const Dropout& dropout) const {
  const int64_t heads = config_.heads;
  const int64_t depth = config_.width / heads;
  const double scale = ScoreScale();
  const at::ScalarType type = key.scalar_type();
  if (key.is_cpu() && bias == nullptr && !prefix.key.defined() && (type == at::kFloat || type == at::kDouble)) {
    const at::Tensor places = AttentionPlaces(texts.spans(), slots_alone);
    const at::Tensor dropped =
        dropout.attention == 0 ? at::Tensor()
                               : MaskRowsOfPairs(PlaceSeed(dropout.seed, 3 * static_cast<int64_t>(layer) + 1), places,
                                                 heads, slots_alone ? texts.packing().read_from : at::Tensor());
    return AttendWithinTexts(query, key, value, places, heads, scale, dropout.attention, dropped, reach,
                             slots_alone ? texts.read_at() : at::Tensor());
  }
  const Packing& packing = texts.packing();
  const int64_t size = texts.size();
  const int64_t longest = packing.longest;
  const int64_t queries = slots_alone ? 1 : longest;  // per text
  const bool full = texts.tokens() == size * longest;
  const auto padded = [&](const at::Tensor& x) {
    return full ? x : GatherRows(x, packing.padded_from, packing.packed_from);
  };
  const auto by_head = [&](const at::Tensor& x, int64_t length) {  // [B, H, length, d]
    return x.view({size, length, heads, depth}).transpose(1, 2);
  };
  // Puts the prefix's rows before the texts' rows [B, H, T, d]. Returns [B, H, P + T, d].
  const auto behind = [&](const at::Tensor& rows, const at::Tensor& own) {
    if (!rows.defined()) {
      return own;
    }
    const int64_t tasks = rows.dim() == 3 ? rows.size(0) : 1;
    const int64_t length = rows.size(-2);
    const at::Tensor of_texts = rows.reshape({tasks, 1, length, heads, depth})
                                    .expand({tasks, size / tasks, length, heads, depth})
                                    .reshape({size, length, heads, depth});
    return at::cat({of_texts.transpose(1, 2), own}, 2);
  };
  // Pads a bias with zeros for the prefix.
  const auto with_prefix = [&](const at::Tensor& of_text) {
    return prefix.key.defined() ? at::constant_pad_nd(of_text, {prefix.key.size(-2), 0}) : of_text;
  };
  const at::Tensor scaled = query * scale;
  const at::Tensor q = by_head(slots_alone ? scaled : padded(scaled), queries);
  const at::Tensor own_keys = by_head(padded(key), longest);
  const at::Tensor k = behind(prefix.key, own_keys);
  at::Tensor scores = at::matmul(q, k.transpose(2, 3));  // [B, H, Q, P + T]
  if (bias != nullptr) {
    scores = scores + with_prefix(bias(q, own_keys));
  }
  if (key_bias.defined()) {
    scores = scores + with_prefix(key_bias);
  }
  if (!reach.IsAll(longest)) {
    scores = scores + with_prefix(reach_biases->Of(reach, slots_alone));
  }
  const at::Tensor v = behind(prefix.value, by_head(padded(value), longest));
  const at::Tensor weights = DroppedWeights(static_cast<int64_t>(layer), at::softmax(scores.to(softmax_type), -1),
                                            texts, slots_alone, dropout);
  const at::Tensor mixed = at::matmul(weights, v)  // [B, H, Q, d]
                               .transpose(1, 2)
                               .reshape({size * queries, config_.width});
  return slots_alone || full ? mixed : GatherRows(mixed, packing.packed_from, packing.padded_from);
}

Dropout Encoder::WithLayerMasks(const Dropout& dropout, const ParamList& p, const TextInputs& texts,
                                const EncoderState& from, size_t end) const {
  if (from.states.is_cpu() || from.next >= end) {
    return dropout;
  }
  const size_t prefix = layout_.layers[from.next].prefix_key;
  const int64_t keys = texts.longest() + (prefix == kNoParam ? 0 : p[prefix].size(-2));
  const int64_t columns =
      config_.drops_inside_feed_forward ? std::max(config_.width, config_.intermediate) : config_.width;
  return WithMasks(dropout, texts, {from.next, end, config_.heads, columns, keys}, from.states);
}

at::Tensor Encoder::Layers(const ParamList& p, const TextInputs& packed, const EncoderState& from, size_t end,
                           bool slots_alone, const Dropout& of_pass) const {
  if (layout_.layers.empty()) {
    return slots_alone ? GatherRows(from.states, packed.packing().read_from, packed.packing().read_to) : from.states;
  }
  const Dropout dropout = WithLayerMasks(of_pass, p, packed, from, end);
  if (dropout.hidden == 0 && dropout.attention == 0 && TakesBfloat16Layers(config_, layout_, p)) {
    return Bfloat16Layers(config_, layout_, TableOf(config_.activation), p, packed, from.states, from.next, end,
                          slots_alone);
  }
  const bool full = packed.tokens() == packed.size() * packed.longest();
  const bool pads = !full && !from.states.is_cpu() && from.next < end;
  const TextInputs texts = pads ? PaddedTexts(packed) : packed;
  const at::Tensor key_bias = full ? at::Tensor() : packed.packing().attention_bias;
  at::Tensor x =
      pads ? GatherRows(from.states, packed.packing().padded_from, packed.packing().packed_from) : from.states;
  const bool pre_norm = config_.pre_norm;
  const std::vector<LayerPositions> positions = PositionsOf(texts, p[layout_.layers.back().out_norm].scalar_type());
  ReachBiases reach_biases(texts);
  const bool some_at_all_tokens = end > from.next + (slots_alone ? 1 : 0);
  const at::Tensor every_bias =
      some_at_all_tokens ? RelativeBias(from.relative_bias, texts, /*slots_alone=*/false) : at::Tensor();
  const auto distance_rows = [&](bool at_slots) {
    return from.distances.defined() ? DistanceRowsOf(*config_.disentangled, texts, at_slots) : DistanceRows();
  };
  const DistanceRows every_distance = some_at_all_tokens ? distance_rows(/*at_slots=*/false) : DistanceRows();
  for (size_t i = from.next; i < end; ++i) {
    const LayerPlaces& at = layout_.layers[i];
    const bool at_slots = slots_alone && i + 1 == end;
    const LayerPositions& own = positions[i];
    const auto turned = [&](const at::Tensor& rows, const at::Tensor& of_rows) {
      return own.rotary.cos.defined() ? Rotated(rows, own.rotary, of_rows) : rows;
    };
    const bool norm_before = pre_norm && at.attention_norm != kNoParam;
    at::Tensor seen = norm_before ? Norm(p, x, at.attention_norm) : x;
    const at::Tensor key = turned(Dense(p, seen, at.key), texts.packing().positions);
    const at::Tensor value = WithLora(p, seen, at.value, at.value_lora);
    const at::Tensor tokens = at_slots ? texts.packing().read_from : at::Tensor();
    if (at_slots) {  // [B, D]: the head reads only these rows
      const auto read = [&](const at::Tensor& rows) { return GatherRows(rows, tokens, texts.packing().read_to); };
      x = read(x);
      seen = norm_before ? read(seen) : x;
    }
    const at::Tensor query =
        turned(WithLora(p, seen, at.query, at.query_lora),
               at_slots ? texts.packing().positions.index_select(0, tokens) : texts.packing().positions);
    PairBias bias;
    if (from.relative_bias.defined()) {
      const at::Tensor all = at_slots ? RelativeBias(from.relative_bias, texts, /*slots_alone=*/true) : every_bias;
      bias = [all](const at::Tensor& /*query*/, const at::Tensor& /*key*/) { return all; };
    } else if (from.distances.defined()) {
      bias = DisentangledBias(p, from.distances, at_slots ? distance_rows(true) : every_distance, i, dropout);
    }
    const int64_t place = 3 * static_cast<int64_t>(i) + 1;
    const at::Tensor mixed = Attend(query, ForEachHead(key), ForEachHead(value), bias, PrefixOf(p, at), own.reach,
                                    &reach_biases, texts, key_bias, at_slots, p[at.out_norm].scalar_type(), i, dropout);
    const at::Tensor attended = Dense(p, mixed, at.attention_out);
    x = x + (config_.drops_attention ? DroppedAt(place + 1, attended, dropout, tokens) : attended);
    x = pre_norm ? x : Norm(p, x, at.attention_norm);
    const at::Tensor fed = FeedForward(p, pre_norm ? Norm(p, x, at.out_norm) : x, at, place + 2, tokens, dropout);
    x = x + (config_.drops_feed_forward ? DroppedAt(place + 2, fed, dropout, tokens) : fed);
    x = pre_norm ? x : Norm(p, x, at.out_norm);
  }
  x = from.next < end && end == num_layers() ? Norm(p, x, layout_.final_norm) : x;
  return pads && !slots_alone ? GatherRows(x, packed.packing().packed_from, packed.packing().padded_from) : x;
}

EncoderState Encoder::Advanced(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t next,
                               const Dropout& dropout) const {
  return {next, Layers(params, texts, from, next, /*slots_alone=*/false, dropout), from.relative_bias, from.distances};
}

at::Tensor Encoder::States(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                           const Dropout& dropout) const {
  return Layers(params, texts, from, num_layers(), /*slots_alone=*/false, dropout);
}

at::Tensor Encoder::StatesToRead(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                                 const Dropout& dropout) const {
  return Layers(params, texts, from, num_layers(), /*slots_alone=*/true, dropout);
}

at::Tensor Encoder::Transformed(const ParamList& p, const at::Tensor& states) const {
  if (layout_.transform == kNoParam) {
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

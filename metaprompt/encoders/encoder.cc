#include "metaprompt/encoders/encoder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "metaprompt/encoders/bfloat16_layers.h"
#include "metaprompt/encoders/decoder.h"
#include "metaprompt/encoders/image_embedding.h"
#include "metaprompt/encoders/layer_dropout.h"
#include "metaprompt/encoders/padded_texts.h"
#include "metaprompt/operations/activation.h"
#include "metaprompt/operations/gather_rows.h"
#include "metaprompt/operations/relative_buckets.h"

namespace metaprompt {

Encoder::Encoder(const EncoderConfig& config, bool with_head) : config_(config), layout_(LayoutOf(config, with_head)) {}

std::vector<ParamInfo> Encoder::AddLora(int64_t rank, double alpha, size_t first) {
  lora_scale_ = alpha / static_cast<double>(rank);
  return metaprompt::AddLora(rank, first, &layout_);
}

std::vector<ParamInfo> Encoder::AddPrefixes(int64_t length, size_t first) {
  return metaprompt::AddPrefixes(length, first, &layout_);
}

ParamList Encoder::Folded(const ParamList& p) const {
  ParamList folded(p.begin(), p.begin() + static_cast<int64_t>(layout_.params.size()));
  const auto fold = [&](const LayerPlaces& at) {
    for (const auto& [place, lora] :
         {std::make_pair(at.query, at.query_lora), std::make_pair(at.value, at.value_lora)}) {
      if (lora != kNoParam) {  // if layers share a matrix, it is assigned again with the same values
        folded[place] = p[place] + at::matmul(p[lora + 1], p[lora]) * lora_scale_;
      }
    }
  };
  std::for_each(layout_.layers.begin(), layout_.layers.end(), fold);
  for (const DecoderPlaces& at : layout_.decoder_layers) {
    fold(at.own);
    fold(at.cross);
  }
  return folded;
}

EncoderState Encoder::Embedded(const ParamList& p, const at::Tensor& soft, const TextInputs& texts,
                               const Dropout& dropout) const {
  const LayerParts parts = Parts();
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
  x = DroppedAt(0, parts.Norm(p, x, layout_.embedding_norm), dropout);
  x = layout_.embedding_map == kNoParam ? x : parts.Dense(p, x, layout_.embedding_map);
  return {0, x, layout_.relative_bias == kNoParam ? at::Tensor() : p[layout_.relative_bias],
          layout_.distances == kNoParam ? at::Tensor() : parts.Norm(p, p[layout_.distances], layout_.distance_norm)};
}

EncoderState Encoder::Embedded(const ParamList& p, const at::Tensor& soft, const ImageInputs& images,
                               const Dropout& dropout) const {
  const at::Tensor x = EmbeddedImages(p, layout_, soft, images);
  return {0, DroppedAt(0, Parts().Norm(p, x, layout_.embedding_norm), dropout), {}, {}};
}

std::vector<Encoder::LayerPositions> Encoder::PositionsOf(const TextInputs& texts, at::ScalarType type) const {
  const bool rotary = config_.positions == Positions::kRotary;
  const auto table = [&](double theta) {
    return MakeRotaryTable(texts.longest(), config_.depth(), theta, type, texts.ids().device());
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
  const at::Tensor buckets =
      BucketsOf({config_.distance_buckets, config_.farthest_distance, /*both_directions=*/true}, key - query);
  return at::embedding(relative, buckets).permute({0, 3, 1, 2});
}

PairBias Encoder::DisentangledBias(const ParamList& p, const at::Tensor& distances, const DistanceRows& rows, size_t i,
                                   const Dropout& dropout) const {
  const LayerParts parts = Parts();
  const LayerPlaces& at = layout_.layers[i];
  const int64_t place = 3 * static_cast<int64_t>(num_layers()) + 1 + static_cast<int64_t>(i);
  const at::Tensor used = DroppedAt(place, distances.narrow(0, rows.first, rows.count),
                                    {dropout.hidden, dropout.attention, dropout.seed, /*masks=*/nullptr},
                                    at::arange(rows.first, rows.first + rows.count, at::kLong));
  at::Tensor of_keys;
  at::Tensor of_queries;
  if (at.position_key != kNoParam) {
    of_keys = parts.Dense(p, used, at.position_key);
  }
  if (at.position_query != kNoParam) {
    const size_t lora = at.position_query == at.query ? at.query_lora : kNoParam;
    of_queries = parts.WithLora(p, used, at.position_query, lora) * parts.ScoreScale();
  }
  return [index = rows.index, of_keys, of_queries](const at::Tensor& query, const at::Tensor& key) {
    return DistanceScores(query, key, of_keys, of_queries, index);
  };
}

Dropout Encoder::WithLayerMasks(const Dropout& dropout, const ParamList& p, const TextInputs& texts,
                                const EncoderState& from, size_t end) const {
  if (from.states.is_cpu() || from.next >= end) {
    return dropout;
  }
  const size_t prefix = layout_.layers[from.next].prefix_key;
  const int64_t keys = texts.longest() + (prefix == kNoParam ? 0 : p[prefix].size(-2));
  const bool inside = config_.drops_inside_feed_forward && !config_.drops_feed_forward;
  const int64_t columns = inside ? std::max(config_.width, config_.intermediate) : config_.width;
  return WithMasks(dropout, texts, {from.next, end, config_.heads, columns, keys}, from.states);
}

at::Tensor Encoder::Layers(const ParamList& p, const TextInputs& packed, const EncoderState& from, size_t end,
                           bool slots_alone, const Dropout& of_pass) const {
  if (layout_.layers.empty()) {
    return slots_alone ? GatherRows(from.states, packed.packing().read_from, packed.packing().read_to) : from.states;
  }
  if (config_.has_decoder() && from.next >= end) {  // the encoder's parameters need not be there
    return from.states;
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
  const LayerParts parts = Parts();
  const DecoderDropoutPlaces places(config_);
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
    at::Tensor seen = norm_before ? parts.Norm(p, x, at.attention_norm) : x;
    const at::Tensor key = turned(parts.Dense(p, seen, at.key), texts.packing().positions);
    const at::Tensor value = parts.WithLora(p, seen, at.value, at.value_lora);
    const at::Tensor tokens = at_slots ? texts.packing().read_from : at::Tensor();
    if (at_slots) {  // [B, D]: the head reads only these rows
      const auto read = [&](const at::Tensor& rows) { return GatherRows(rows, tokens, texts.packing().read_to); };
      x = read(x);
      seen = norm_before ? read(seen) : x;
    }
    const at::Tensor query =
        turned(parts.WithLora(p, seen, at.query, at.query_lora),
               at_slots ? texts.packing().positions.index_select(0, tokens) : texts.packing().positions);
    AttentionSettings settings{nullptr,  parts.PrefixOf(p, at),        own.reach, &reach_biases, key_bias,
                               at_slots, p[at.out_norm].scalar_type(), i};
    if (from.relative_bias.defined()) {
      const at::Tensor all = at_slots ? RelativeBias(from.relative_bias, texts, /*slots_alone=*/true) : every_bias;
      settings.bias = [all](const at::Tensor& /*query*/, const at::Tensor& /*key*/) { return all; };
    } else if (from.distances.defined()) {
      settings.bias = DisentangledBias(p, from.distances, at_slots ? distance_rows(true) : every_distance, i, dropout);
    }
    const int64_t place = 3 * static_cast<int64_t>(i) + 1;
    const at::Tensor mixed =
        parts.Attend(query, parts.ForEachHead(key), parts.ForEachHead(value), texts, settings, dropout);
    const at::Tensor attended = parts.Dense(p, mixed, at.attention_out);
    x = x + (config_.drops_attention ? DroppedAt(place + 1, attended, dropout, tokens) : attended);
    x = pre_norm ? x : parts.Norm(p, x, at.attention_norm);
    const int64_t inside = config_.drops_feed_forward ? places.Inside(i) : place + 2;
    const at::Tensor fed =
        parts.FeedForward(p, pre_norm ? parts.Norm(p, x, at.out_norm) : x, at, inside, tokens, dropout);
    x = x + (config_.drops_feed_forward ? DroppedAt(place + 2, fed, dropout, tokens) : fed);
    x = pre_norm ? x : parts.Norm(p, x, at.out_norm);
  }
  if (from.next < end && end == num_layers()) {
    x = parts.Norm(p, x, layout_.final_norm);
    x = config_.drops_final ? DroppedAt(places.EncoderFinal(), x, dropout) : x;
  }
  return pads && !slots_alone ? GatherRows(x, packed.packing().packed_from, packed.packing().padded_from) : x;
}

EncoderState Encoder::Advanced(const ParamList& params, const TextInputs& texts, const EncoderState& from, size_t next,
                               const Dropout& dropout) const {
  EncoderState state = from;
  state.next = next;
  state.states = Layers(params, texts, from, std::min(next, num_layers()), /*slots_alone=*/false, dropout);
  if (config_.has_decoder()) {
    const size_t layers = std::max(next, num_layers()) - num_layers();
    state.decoder_states = Decoded(params, texts, from, state.states, layers, dropout).view({texts.size(), -1});
    state.decoder_bias = DecoderBias(params, from);
  }
  return state;
}

at::Tensor Encoder::Decoded(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                            const at::Tensor& states, size_t end, const Dropout& dropout) const {
  const LayerParts parts = Parts();
  const TextInputs decoded = DecoderStart(texts);
  const at::Tensor x = from.decoder_states.defined() ? from.decoder_states.view({-1, config_.width})
                                                     : EmbeddedTokens(parts, params, decoded, dropout);
  return DecoderLayers(parts, params, {texts, states, decoded, DecoderBias(params, from)}, x,
                       std::max(from.next, num_layers()) - num_layers(), end, dropout);
}

at::Tensor Encoder::DecoderBias(const ParamList& params, const EncoderState& from) const {
  return from.decoder_bias.defined() ? from.decoder_bias : params[layout_.decoder_relative_bias];
}

at::Tensor Encoder::States(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                           const Dropout& dropout) const {
  return Layers(params, texts, from, num_layers(), /*slots_alone=*/false, dropout);
}

at::Tensor Encoder::StatesToRead(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                                 const Dropout& dropout) const {
  return config_.has_decoder() ? ReadStates(params, texts, from, States(params, texts, from, dropout), dropout)
                               : Layers(params, texts, from, num_layers(), /*slots_alone=*/true, dropout);
}

at::Tensor Encoder::ReadStates(const ParamList& params, const TextInputs& texts, const EncoderState& from,
                               const at::Tensor& states, const Dropout& dropout) const {
  if (!config_.has_decoder()) {
    return GatherRows(states, texts.packing().read_from, texts.packing().read_to);
  }
  const TextInputs decoded = DecoderStart(texts);
  return GatherRows(Decoded(params, texts, from, states, layout_.decoder_layers.size(), dropout),
                    decoded.packing().read_from, decoded.packing().read_to);
}

at::Tensor Encoder::DecoderStates(const ParamList& params, const TextInputs& texts, const at::Tensor& states,
                                  const TextInputs& decoded, const Dropout& dropout) const {
  const LayerParts parts = Parts();
  return DecoderLayers(parts, params, {texts, states, decoded, params[layout_.decoder_relative_bias]},
                       EmbeddedTokens(parts, params, decoded, dropout), 0, layout_.decoder_layers.size(), dropout);
}

at::Tensor Encoder::Transformed(const ParamList& p, const at::Tensor& states) const {
  if (layout_.transform == kNoParam) {
    return config_.scaled_head ? states * (1 / std::sqrt(static_cast<double>(config_.width))) : states;
  }
  const LayerParts parts = Parts();
  return parts.Norm(p, Activate(config_.head_activation, parts.Dense(p, states, layout_.transform)),
                    layout_.transform_norm);
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

#include "metaprompt/encoders/layer_dropout.h"

#include <ATen/ATen.h>

#include <memory>
#include <utility>
#include <vector>

namespace metaprompt {
namespace {

// For each text and head, the numbers (MaskRowsOfPairs) of the rows of its queries, in the order of padded attention
// weights [B, H, Q, T]. `tokens` are the tokens of the queries.
at::Tensor PairNumbers(const at::Tensor& tokens, int64_t texts, int64_t heads) {
  const at::Tensor of_head = at::arange(heads, tokens.options()).view({1, heads, 1});
  return (tokens.view({texts, 1, -1}) * heads + of_head).flatten();
}

}  // namespace

Dropout WithMasks(const Dropout& dropout, const TextInputs& texts, const LayerMaskSizes& sizes,
                  const at::Tensor& states) {
  Dropout with = dropout;
  if (dropout.hidden == 0 && dropout.attention == 0) {
    return with;
  }
  LayerMasks masks;
  masks.first_layer = static_cast<int64_t>(sizes.first);
  std::vector<uint64_t> hidden;
  std::vector<uint64_t> attention;
  for (size_t i = sizes.first; i < sizes.end; ++i) {
    const int64_t place = 3 * static_cast<int64_t>(i) + 1;
    attention.push_back(PlaceSeed(dropout.seed, place));
    hidden.push_back(PlaceSeed(dropout.seed, place + 1));
    hidden.push_back(PlaceSeed(dropout.seed, place + 2));
  }
  const Packing& packing = texts.packing();
  const at::Tensor tokens = packing.padded_from.clamp_min(0);
  const at::ScalarType type = states.scalar_type();
  if (dropout.hidden > 0) {
    masks.hidden = MaskFactors(hidden, dropout.hidden, tokens, sizes.columns, type);
  }
  if (dropout.attention > 0) {
    masks.attention =
        MaskFactors(attention, dropout.attention, PairNumbers(tokens, texts.size(), sizes.heads), sizes.keys, type);
    // Of the token that is read, in the table [B, H, Q].
    const at::Tensor of_pair = at::arange(texts.size() * sizes.heads, tokens.options()) * packing.longest;
    const at::Tensor place = packing.packed_from.index_select(0, packing.read_from).remainder(packing.longest);
    masks.slot_rows = of_pair + place.repeat_interleave(sizes.heads);
  }
  with.masks = std::make_shared<const LayerMasks>(std::move(masks));
  return with;
}

at::Tensor DroppedAt(int64_t place, const at::Tensor& x, const Dropout& dropout, const at::Tensor& numbers) {
  if (dropout.hidden == 0) {
    return x;
  }
  if (dropout.masks == nullptr) {
    return DroppedRows(x, dropout.hidden, PlaceSeed(dropout.seed, place), numbers);
  }
  const int64_t number = place - 3 * dropout.masks->first_layer - 2;  // place 3 l + 2 or 3 l + 3
  if (number / 3 * 2 >= dropout.masks->hidden.size(0)) {              // a place after those of the layers
    return DroppedRows(x, dropout.hidden, PlaceSeed(dropout.seed, place), numbers);
  }
  const at::Tensor all = dropout.masks->hidden[number / 3 * 2 + number % 3];
  const at::Tensor own = all.size(1) == x.size(1) ? all : all.narrow(1, 0, x.size(1));
  return x * (numbers.defined() ? own.index_select(0, numbers) : own).to(x.scalar_type());
}

at::Tensor DroppedWeights(int64_t layer, const at::Tensor& weights, const TextInputs& texts, bool slots_alone,
                          const Dropout& dropout) {
  if (dropout.attention == 0) {
    return weights;
  }
  if (dropout.masks == nullptr) {
    const Packing& packing = texts.packing();
    const at::Tensor numbers =
        PairNumbers(slots_alone ? packing.read_from : packing.padded_from, weights.size(0), weights.size(1));
    const uint64_t seed = PlaceSeed(dropout.seed, 3 * layer + 1);
    return Dropped(weights, dropout.attention, MaskRows(seed, numbers.size(0), weights.size(-1), numbers));
  }
  const at::Tensor all = dropout.masks->attention[layer - dropout.masks->first_layer];
  const at::Tensor factors = slots_alone ? all.index_select(0, dropout.masks->slot_rows) : all;
  return weights * factors.view_as(weights).to(weights.scalar_type());
}

}  // namespace metaprompt

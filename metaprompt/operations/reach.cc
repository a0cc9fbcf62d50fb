#include "metaprompt/operations/reach.h"

#include <ATen/ATen.h>
#include <ATen/Dispatch.h>

#include <algorithm>

namespace metaprompt {

void HideKeys(const Reach& reach, const at::Tensor& places, int64_t heads, const at::Tensor& read_at,
              at::Tensor* scores) {
  const bool one_query = read_at.defined() && read_at.numel() > 0;
  const auto text = places.accessor<int64_t, 2>();  // first query, queries, first key, keys, pairs before
  AT_DISPATCH_FLOATING_TYPES(scores->scalar_type(), "HideKeys", [&] {
    constexpr scalar_t kNever = -std::numeric_limits<scalar_t>::infinity();
    auto* const all = scores->data_ptr<scalar_t>();
    for (int64_t b = 0; b < places.size(0); ++b) {
      const int64_t queries = text[b][1];
      const int64_t keys = text[b][3];
      if (reach.IsAll(keys)) {
        continue;
      }
      for (int64_t row = 0; row < heads * queries; ++row) {
        scalar_t* const of_keys = all + text[b][4] * heads + row * keys;
        const int64_t at = one_query ? read_at.data_ptr<int64_t>()[b] : row % queries;
        const int64_t first = at > reach.before ? at - reach.before : 0;
        const int64_t end = reach.after < keys - at - 1 ? at + reach.after + 1 : keys;
        std::fill(of_keys, of_keys + first, kNever);
        std::fill(of_keys + end, of_keys + keys, kNever);
      }
    }
  });
}

at::Tensor ReachBias(const Reach& reach, const TextInputs& texts, bool slots_alone) {
  const Packing& packing = texts.packing();
  const int64_t longest = packing.longest;
  const at::Tensor key = at::arange(longest, packing.packed_from.options());
  const at::Tensor query =
      slots_alone ? packing.packed_from.index_select(0, packing.read_from).remainder(longest).view({-1, 1, 1, 1})
                  : key.view({1, 1, longest, 1});
  const at::Tensor after = key - query;
  const at::Tensor hidden = at::logical_or(after > reach.after, after < -reach.before);
  return at::zeros(hidden.sizes(), hidden.options().dtype(at::kFloat)).masked_fill(hidden, kHidden);
}

at::Tensor ReachBiases::Of(const Reach& reach, bool slots_alone) {
  at::Tensor& bias = biases_[{reach.before, reach.after, slots_alone}];
  if (!bias.defined()) {
    bias = ReachBias(reach, texts_, slots_alone);
  }
  return bias;
}

}  // namespace metaprompt

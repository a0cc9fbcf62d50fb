// Reach: which keys of its text a query attends to. These are all keys, those within a window (Beltagy et al. 2020,
// section 3.1) or, in a causal model, those that are not after it.
#ifndef METAPROMPT_OPERATIONS_REACH_H_
#define METAPROMPT_OPERATIONS_REACH_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <limits>
#include <map>
#include <tuple>

#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// The query at position i of a text attends to the keys at positions i - before, ..., i + after.
struct Reach {
  static constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

  int64_t before = kAll;
  int64_t after = kAll;  // 0: causal

  // Whether every query of a text with this length attends to all keys.
  bool IsAll(int64_t length) const { return before >= length - 1 && after >= length - 1; }
};

// Sets the scores [pairs] (text_products.h) of keys out of reach to -inf. `read_at` [B] int64, on the CPU, is the
// position of each text's only query. If it is undefined or has no elements, every token is a query.
void HideKeys(const Reach& reach, const at::Tensor& places, int64_t heads, const at::Tensor& read_at,
              at::Tensor* scores);

// If this is added to its score, a key has the weight 0. It is finite because a query at padding may have no key within
// reach at all, and its weights must not be NaN.
constexpr double kHidden = -1e30;

// The same for padded texts: a tensor to add to the scores [B, H, Q, T], which is 0 for a key within reach, and kHidden
// for the others. Float32 [1, 1, T, T] or, with slots_alone, where the only queries are the tokens at which answers are
// read, [B, 1, 1, T].
at::Tensor ReachBias(const Reach& reach, const TextInputs& texts, bool slots_alone);

// The same for the layers of one forward pass. Each bias is computed at its first use and kept for later layers.
class ReachBiases {
 public:
  explicit ReachBiases(const TextInputs& texts) : texts_(texts) {}

  at::Tensor Of(const Reach& reach, bool slots_alone);

 private:
  TextInputs texts_;
  std::map<std::tuple<int64_t, int64_t, bool>, at::Tensor> biases_;  // by before, after, slots_alone
};

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_REACH_H_

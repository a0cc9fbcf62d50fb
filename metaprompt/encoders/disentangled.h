// Disentangled attention of DeBERTa (He et al. 2021): the terms of the attention scores that depend on distances, for
// padded texts.
#ifndef METAPROMPT_ENCODERS_DISENTANGLED_H_
#define METAPROMPT_ENCODERS_DISENTANGLED_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// The rows of the table of distance vectors that occur in a batch of texts.
struct DistanceRows {
  int64_t first = 0;
  int64_t count = 0;
  // The row of each query's distance to each key, counted from `first`: [1, T, T] int64, or [B, 1, T] if the only
  // queries are the tokens at which answers are read.
  at::Tensor index;
};

DistanceRows DistanceRowsOf(const DisentangledConfig& config, const TextInputs& texts, bool slots_alone);

// q_i · κ_δ(i,j) + k_j · θ_δ(i,j) for query i and key j, where δ is the row of their distance: the second and third
// terms of eq. 4, for `query` [B, H, Q, d] and `key` [B, H, T, d]. κ is `of_keys` and θ is `of_queries`, [count, D]
// each. One of them may be undefined; its term is then 0. Returns [B, H, Q, T].
at::Tensor DistanceScores(const at::Tensor& query, const at::Tensor& key, const at::Tensor& of_keys,
                          const at::Tensor& of_queries, const at::Tensor& index);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_DISENTANGLED_H_

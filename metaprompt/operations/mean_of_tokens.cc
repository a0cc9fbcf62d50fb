#include "metaprompt/operations/mean_of_tokens.h"

#include <ATen/ATen.h>

#include "metaprompt/operations/gather_rows.h"

namespace metaprompt {

at::Tensor MeanOfTokens(const at::Tensor& states, const TextInputs& texts, at::ScalarType type) {
  const Packing& packing = texts.packing();
  const at::Tensor padded = GatherRows(states, packing.padded_from, packing.packed_from);
  const at::Tensor lengths = packing.padded_from.ge(0).view({texts.size(), packing.longest}).sum(1, /*keepdim=*/true);
  return padded.view({texts.size(), packing.longest, -1}).sum(1, /*keepdim=*/false, type) / lengths;
}

at::Tensor UnitVectors(const at::Tensor& vectors) {
  return vectors * at::rsqrt(vectors.square().sum(-1, /*keepdim=*/true) + 1e-12);
}

}  // namespace metaprompt

// The dropout of the layers of a forward pass.
#ifndef METAPROMPT_ENCODERS_LAYER_DROPOUT_H_
#define METAPROMPT_ENCODERS_LAYER_DROPOUT_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>

#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/dropout.h"

namespace metaprompt {

// Which masks the layers from `first` to `end` - 1 need.
struct LayerMaskSizes {
  size_t first = 0;
  size_t end = 0;
  int64_t heads = 0;
  int64_t columns = 0;  // the most that a row of states or of the inside of a feed-forward half has
  int64_t keys = 0;     // per query: those of the longest text and of the prefix
};

// The dropout of a pass with the masks of its layers, for states [N, D] that are not on the CPU. There the layers
// compute padded texts, so the masks are those of padded texts.
Dropout WithMasks(const Dropout& dropout, const TextInputs& texts, const LayerMaskSizes& sizes,
                  const at::Tensor& states);

// x [R, D] after the dropout at a place of the network. Row r belongs to token numbers[r]; undefined: to token r.
at::Tensor DroppedAt(int64_t place, const at::Tensor& x, const Dropout& dropout, const at::Tensor& numbers = {});

// Padded attention weights [B, H, Q, T] after the dropout of a layer. With slots_alone, Q = 1: the token at which the
// answer is read. Without masks, B may be a divisor of the number of texts: the queries of several texts are then in
// one row.
at::Tensor DroppedWeights(int64_t layer, const at::Tensor& weights, const TextInputs& texts, bool slots_alone,
                          const Dropout& dropout);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_LAYER_DROPOUT_H_

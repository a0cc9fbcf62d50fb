// Attention within each text of packed texts, without padding. On the CPU, in float or double. It can be differentiated
// twice; a third derivative is an error.
#ifndef METAPROMPT_OPERATIONS_TEXT_ATTENTION_H_
#define METAPROMPT_OPERATIONS_TEXT_ATTENTION_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/operations/dropout.h"
#include "metaprompt/operations/reach.h"

namespace metaprompt {

// softmax(scale q kᵀ) v for each text and head (Vaswani et al. 2017, eq. 1). `query` is [Q, D]; `key` and `value` are
// [N, D]. `places`, from AttentionPlaces (text_products.h), maps their rows to texts. Head h uses the D / heads columns
// from h D / heads on. Returns [Q, D]. A text's rows have the same bits whatever the other texts are, and for any
// number of threads.
//
// `dropped`, from MaskRowsOfPairs, and a rate above 0: dropout of the softmax's weights.
// `reach`: the keys that queries attend to; `read_at` as for HideKeys (reach.h).
at::Tensor AttendWithinTexts(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                             const at::Tensor& places, int64_t heads, double scale, double rate = 0,
                             const at::Tensor& dropped = {}, const Reach& reach = {}, const at::Tensor& read_at = {});

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_TEXT_ATTENTION_H_

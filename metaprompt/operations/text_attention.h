// Attention within each text of packed texts, without padding, on the CPU, in float or double. It can be differentiated
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
// from h D / heads on. Returns [Q, D]. The bits of a text's rows do not depend on the other texts or on the number of
// threads.
//
// If `rate` is above 0, the softmax's weights are dropped with this rate, and `dropped` is from MaskRowsOfPairs.
// `reach` defines the keys that queries attend to; for `read_at`, see HideKeys (reach.h).
at::Tensor AttendWithinTexts(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                             const at::Tensor& places, int64_t heads, double scale, double rate = 0,
                             const at::Tensor& dropped = {}, const Reach& reach = {}, const at::Tensor& read_at = {});

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_TEXT_ATTENTION_H_

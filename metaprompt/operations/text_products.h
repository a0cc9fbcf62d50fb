// The products of attention within each text of packed texts, on the CPU, in float or double. They read and write the
// text's rows directly, without padding, copies or transpositions. None of these functions records a gradient (see
// text_attention.h).
//
// A pair is a query and a key of the same text. A tensor [pairs] has one number per pair and head. For each text, and
// for each of its heads, it contains a matrix [queries, keys] in row-major order. Head h uses the D / heads columns
// from h D / heads on. The bits of a text's results do not depend on the other texts or on the number of threads.
#ifndef METAPROMPT_OPERATIONS_TEXT_PRODUCTS_H_
#define METAPROMPT_OPERATIONS_TEXT_PRODUCTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metaprompt {

// The name of each set of products for at::RecordFunction. Its inputs are the tensor [pairs] and the width of a head, D
// / heads.
constexpr char kTextProducts[] = "metaprompt::text_products";

// Maps the rows of queries and keys to texts: [B, 5] int64. For text b: its first query row, its number of queries, its
// first key row, its number of keys, and the sum of queries times keys over all texts before it. Every row belongs to
// one text. `spans` [B, 2] int64 contains each text's first row and its number of rows. With one_query, text b has a
// single query, which is row b. Otherwise its query rows have the same indices as its key rows.
at::Tensor AttentionPlaces(const at::Tensor& spans, bool one_query);

// scale q kᵀ, for queries [Q, D] and keys [N, D]. Returns [pairs].
at::Tensor ScoresOf(const at::Tensor& query, const at::Tensor& key, const at::Tensor& places, int64_t heads,
                    double scale);

// scale s x, where s is the matrix [queries, keys] of each text and head in `pairs`, and x = at_keys [N, D] has a row
// per key. Returns [Q, D], with a row per query. `rows` is Q.
at::Tensor MixedOf(const at::Tensor& pairs, const at::Tensor& at_keys, const at::Tensor& places, int64_t heads,
                   double scale, int64_t rows);

// scale sᵀ x, where x = at_queries [Q, D] has a row per query. Returns [N, D], with a row per key. `rows` is N.
at::Tensor SpreadOf(const at::Tensor& pairs, const at::Tensor& at_queries, const at::Tensor& places, int64_t heads,
                    double scale, int64_t rows);

// Replaces the scores in each query's row by their softmax p.
void SoftmaxInPlace(at::Tensor* scores, const at::Tensor& places, int64_t heads);

// The gradient with respect to the scores: p (g - Σ p g), where p is the softmax (`weights`), g is the gradient with
// respect to p (`grad`), and the sum is over the row of a query.
at::Tensor SoftmaxGradientOf(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& places,
                             int64_t heads);

// The gradient of SoftmaxGradientOf with respect to p: h (g - Σ p g) - g Σ h p, where h is the gradient with respect to
// its result (`back`). (The gradient with respect to g is p (h - Σ p h), which is SoftmaxGradientOf again.)
at::Tensor SoftmaxGradientByWeights(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& back,
                                    const at::Tensor& places, int64_t heads);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_TEXT_PRODUCTS_H_

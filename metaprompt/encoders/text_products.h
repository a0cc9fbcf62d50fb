// The products of attention within each text of packed texts, on the text's own rows: nothing is padded, copied or
// transposed. On the CPU, in float or double; none of these records a gradient (see text_attention.h).
//
// A number for every head, query and key of one text is a "pair": [pairs] has them text by text, in a text head by
// head, each a matrix [queries, keys] in rows. Head h has the columns from h D / heads on. A text's results have the
// same bits whatever the other texts are, and on any number of threads.
#ifndef METAPROMPT_ENCODERS_TEXT_PRODUCTS_H_
#define METAPROMPT_ENCODERS_TEXT_PRODUCTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metaprompt {

// What at::RecordFunction is told of each set of products: inputs [pairs] and the length of a head's rows.
constexpr char kTextProducts[] = "metaprompt::text_products";

// Which rows of the queries and of the keys are a text's: [B, 5] int64, for text b its first query row, how many, its
// first key row, how many, and the sum over the texts before of queries times keys. Every row belongs to one text.
// `spans` [B, 2] int64 is each text's first row and how many. With one_query text b has the one query row b, otherwise
// its queries are the rows that its keys are.
at::Tensor AttentionPlaces(const at::Tensor& spans, bool one_query);

// scale q kᵀ of queries [Q, D] and keys [N, D]: [pairs].
at::Tensor ScoresOf(const at::Tensor& query, const at::Tensor& key, const at::Tensor& places, int64_t heads,
                    double scale);

// scale s x, s each head's matrix: of x [N, D] at the keys, [Q, D] at the queries; `rows` is Q.
at::Tensor MixedOf(const at::Tensor& pairs, const at::Tensor& at_keys, const at::Tensor& places, int64_t heads,
                   double scale, int64_t rows);

// scale sᵀ x: of x [Q, D] at the queries, [N, D] at the keys; `rows` is N.
at::Tensor SpreadOf(const at::Tensor& pairs, const at::Tensor& at_queries, const at::Tensor& places, int64_t heads,
                    double scale, int64_t rows);

// The softmax p of every query's row, in the scores' own memory.
void SoftmaxInPlace(at::Tensor* scores, const at::Tensor& places, int64_t heads);

// What softmax makes of a gradient g: p (g - Σ p g), sums over a query's row.
at::Tensor SoftmaxGradientOf(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& places,
                             int64_t heads);

// What that makes, by p, of a gradient h of its own: h (g - Σ p g) - g Σ h p. (By g it makes p (h - Σ p h).)
at::Tensor SoftmaxGradientByWeights(const at::Tensor& weights, const at::Tensor& grad, const at::Tensor& back,
                                    const at::Tensor& places, int64_t heads);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_TEXT_PRODUCTS_H_

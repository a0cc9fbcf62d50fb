// Dropout (Srivastava et al. 2014). A mask is a function of a seed and of the element's place in the network; it does
// not depend on the order of computation. So a forward pass that is computed again drops the same elements, with any
// number of threads and on any device. A pass over only some of the rows drops the same elements of these rows as a
// pass over all rows.
#ifndef METAPROMPT_OPERATIONS_DROPOUT_H_
#define METAPROMPT_OPERATIONS_DROPOUT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace metaprompt {

// The masks of several layers of a pass, computed together with tensor operations. A GPU needs this: it would take
// longer to start the operations for each place than to compute them.
struct LayerMasks {
  int64_t first_layer = 0;
  at::Tensor hidden;  // [2 * layers, tokens, columns]: of places 3 l + 2 and 3 l + 3 for each layer l; undefined: none
  at::Tensor attention;  // [layers, texts * heads * queries, keys]: of places 3 l + 1; undefined: none
  at::Tensor slot_rows;  // [texts * heads] int64: the rows of `attention` for the tokens at which answers are read
};

// The dropout of one forward pass of an encoder. By default there is none.
struct Dropout {
  double hidden = 0;     // rate in [0, 1), for the embeddings and the results of both halves of each layer
  double attention = 0;  // rate in [0, 1), for the weights of attention, after the softmax
  uint64_t seed = 0;
  std::shared_ptr<const LayerMasks> masks = nullptr;  // null: the masks are computed place by place
};

// The seed of a place in the network, computed from the seed of the pass. Place 0 is the embeddings. Layer l, from 0,
// has three places: 3 l + 1 for its attention weights, 3 l + 2 for the result of its attention, and 3 l + 3 for the
// result or the inside of its feed-forward half. With L layers, 3 L + 1 + l are the distance vectors of layer l's
// disentangled attention. For an encoder-decoder, see DecoderDropoutPlaces (encoders/decoder.h).
uint64_t PlaceSeed(uint64_t seed, int64_t place);

// The rows of a contiguous tensor and the keys of their masks, as a table [rows, 3] int64 on the CPU: the index of the
// row's first element, its number of columns, its key. Column c of a row with key k is dropped if a hash of (k, c),
// which is uniform over 32 bits, is below rate * 2^32.
//
// MaskRows is for x [R, columns]: the key of row r is computed from `seed` and numbers[r]. `numbers` [R] int64 are the
// indices that the rows have in a pass over all rows; undefined: numbers[r] = r.
at::Tensor MaskRows(uint64_t seed, int64_t rows, int64_t columns, const at::Tensor& numbers);
// MaskRowsOfPairs is for a tensor [pairs] (text_products.h): the key of the row of query q and head h is computed from
// `seed` and numbers[q] * heads + h.
at::Tensor MaskRowsOfPairs(uint64_t seed, const at::Tensor& places, int64_t heads, const at::Tensor& numbers);

// The same masks as factors [seeds, R, columns] of `type`: 0 for what is dropped, and 1 / (1 - rate) for the rest.
// Entry [s, r, c] is column c of the row with number numbers[r] in a place with the seed seeds[s]. `numbers` [R] int64
// is on any device, and so is the result.
at::Tensor MaskFactors(const std::vector<uint64_t>& seeds, double rate, const at::Tensor& numbers, int64_t columns,
                       at::ScalarType type);

// x with the elements that the masks of `rows` drop set to 0, and all others divided by 1 - rate. x is a float, double
// or bfloat16 tensor on the CPU. Differentiable any number of times; the derivative applies the same masks, which are
// computed again instead of stored.
at::Tensor Dropped(const at::Tensor& x, double rate, const at::Tensor& rows);

// The same for x [R, D] on any device, with the masks of MaskRows.
at::Tensor DroppedRows(const at::Tensor& x, double rate, uint64_t seed, const at::Tensor& numbers);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_DROPOUT_H_

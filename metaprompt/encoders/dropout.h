// Dropout (Srivastava et al. 2014) by masks that are functions of a seed and of where a number is, not of when it is
// computed. So a forward pass that is computed again drops the same numbers, on any number of threads and on any
// device; and a pass that computes some of the rows drops in them what a pass over all rows does.
#ifndef METAPROMPT_ENCODERS_DROPOUT_H_
#define METAPROMPT_ENCODERS_DROPOUT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metaprompt {

// What an encoder drops in one forward pass. The defaults: nothing.
struct Dropout {
  double hidden = 0;     // rate in [0, 1), of embeddings and of what each half of a layer adds to the hidden states
  double attention = 0;  // rate in [0, 1), of the weights of attention, after the softmax
  uint64_t seed = 0;
};

// The seed of a place in the network, from the seed of the pass. Place 0 is the embeddings; layer l, from 0, has the
// places 3 l + 1, 3 l + 2 and 3 l + 3: the weights of its attention, what its attention adds, what its feed-forward
// half adds.
uint64_t PlaceSeed(uint64_t seed, int64_t place);

// Rows of a contiguous tensor and the keys of their masks: [rows, 3] int64, on the CPU, of (index of the row's first
// number, number of columns, key). Column c of a row with key k is dropped if a hash of (k, c), a uniform number of 32
// bits, is below rate * 2^32.
//
// For x [R, columns]: row r has the key of (seed, numbers[r]). `numbers` [R] int64; undefined: r.
at::Tensor MaskRows(uint64_t seed, int64_t rows, int64_t columns, const at::Tensor& numbers);
// For a tensor [pairs] (text_products.h): the row of query q and head h has the key of (seed, numbers[q] * heads + h).
at::Tensor MaskRowsOfPairs(uint64_t seed, const at::Tensor& places, int64_t heads, const at::Tensor& numbers);

// x, with what the masks of `rows` drop set to 0 and the rest divided by 1 - rate. x is a float, double or bfloat16
// tensor. Differentiable any number of times: the derivative is the same function. It keeps no mask.
at::Tensor Dropped(const at::Tensor& x, double rate, const at::Tensor& rows);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_DROPOUT_H_

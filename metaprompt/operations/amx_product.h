// The matrix product in bfloat16 on processors with AMX (Intel's tile registers, Sapphire Rapids and later). Factors in
// float32 are rounded while they are rearranged into tiles, so no bfloat16 copies of weights are needed.
#ifndef METAPROMPT_OPERATIONS_AMX_PRODUCT_H_
#define METAPROMPT_OPERATIONS_AMX_PRODUCT_H_

#include <cstdint>

namespace metaprompt {

// Whether this processor has AMX for bfloat16, and the operating system permits this process to use it.
bool HasAmx();

// A row-major matrix of bfloat16 numbers, or of float32 numbers that are rounded to bfloat16 when they are read.
struct AmxFactor {
  const void* data = nullptr;
  bool bfloat16 = false;
  int64_t stride = 0;       // from one row to the next, in numbers
  bool transposed = false;  // whether the factor is the transpose of this matrix
};

// Where the product is written: a row-major matrix without gaps, of bfloat16 numbers or, if `bfloat16` is false, of
// float32 numbers that have been rounded to bfloat16.
struct AmxResult {
  void* data = nullptr;
  bool bfloat16 = false;
};

// result = a b + bias, for a [m, k], b [k, n] and a bias [n] (float32, which is rounded to bfloat16; null: none). Sums
// are computed in float32, in the order of k, and rounded once. The result is the same for any number of threads.
// HasAmx() must be true.
void AmxProduct(int64_t m, int64_t n, int64_t k, const AmxFactor& a, const AmxFactor& b, const float* bias,
                const AmxResult& result);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_AMX_PRODUCT_H_

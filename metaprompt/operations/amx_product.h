// The matrix product in bfloat16 on processors with AMX (Intel's tile registers, Sapphire Rapids and later). It
// converts float32 factors while it rearranges them into tiles. So nobody needs bfloat16 copies of weights.
#ifndef METAPROMPT_OPERATIONS_AMX_PRODUCT_H_
#define METAPROMPT_OPERATIONS_AMX_PRODUCT_H_

#include <cstdint>

namespace metaprompt {

// Whether this processor has AMX for bfloat16 and the system lets this process use it.
bool HasAmx();

// A row-major matrix of float32 (rounded to bfloat16 where it is read) or bfloat16 numbers.
struct AmxFactor {
  const void* data = nullptr;
  bool bfloat16 = false;
  int64_t stride = 0;       // from a row to the next, in numbers
  bool transposed = false;  // the factor is the transpose of what `data` holds
};

// Where the product goes: row-major without gaps. With bfloat16 unset, float32 numbers that are rounded to bfloat16.
struct AmxResult {
  void* data = nullptr;
  bool bfloat16 = false;
};

// result = a b + bias, for a [m, k], b [k, n] and a bias [n] (float32; rounded to bfloat16 where it is read; null:
// none). Sums are in float32, in the order of k, and are rounded once. The numbers are the same for any number of
// threads. Only if HasAmx().
void AmxProduct(int64_t m, int64_t n, int64_t k, const AmxFactor& a, const AmxFactor& b, const float* bias,
                const AmxResult& result);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_AMX_PRODUCT_H_

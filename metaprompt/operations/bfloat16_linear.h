// Dense layers in bfloat16 with float32 parameters, on the CPU. Differentiable any number of times.
#ifndef METAPROMPT_OPERATIONS_BFLOAT16_LINEAR_H_
#define METAPROMPT_OPERATIONS_BFLOAT16_LINEAR_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// The name of each product for at::RecordFunction. Its inputs are the result and the length of the sums, as for
// kTextProducts (text_products.h).
constexpr char kBfloat16Products[] = "metaprompt::bfloat16_products";

// Whether Bfloat16Linear supports these tensors: matrices on the CPU, the weight in float32, the input in float32 or
// bfloat16.
bool TakesBfloat16Linear(const at::Tensor& x, const at::Tensor& weight);

// x Wᵀ + b in bfloat16, for x [N, in], W [out, in] and b [out]; returns [N, out]. As with LibTorch's autocast, factors
// are rounded to bfloat16, sums are computed in float32, and every product is rounded to bfloat16, also in the
// derivatives. In contrast to autocast, no bfloat16 copy of a factor is kept for the derivatives, and the gradients
// with respect to x and W, which may be sums of several products, are added in the types of x and W.
at::Tensor Bfloat16Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_BFLOAT16_LINEAR_H_

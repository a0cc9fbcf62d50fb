// Root-mean-square norm (Zhang and Sennrich 2019, eq. 4), which subtracts no mean and adds no bias.
#ifndef METAPROMPT_OPERATIONS_RMS_NORM_H_
#define METAPROMPT_OPERATIONS_RMS_NORM_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// w x / sqrt(mean(x²) + eps), with the mean over the last dimension: x [..., D], weight w [D]. In the type of x.
// Differentiable any number of times.
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_RMS_NORM_H_

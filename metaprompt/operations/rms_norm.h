// Root-mean-square norm (Zhang and Sennrich 2019, eq. 4), which has no mean to subtract and no bias.
#ifndef METAPROMPT_OPERATIONS_RMS_NORM_H_
#define METAPROMPT_OPERATIONS_RMS_NORM_H_

#include <ATen/core/Tensor.h>

namespace metaprompt {

// w x / sqrt(mean(x²) + eps), with the mean over the last dimension, for x [..., D] and the weight w [D].
// Differentiable any number of times.
at::Tensor RmsNorm(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_RMS_NORM_H_

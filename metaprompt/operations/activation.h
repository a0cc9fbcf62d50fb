// The activations of feed-forward layers and heads.
#ifndef METAPROMPT_OPERATIONS_ACTIVATION_H_
#define METAPROMPT_OPERATIONS_ACTIVATION_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/operations/bfloat16_kernels.h"

namespace metaprompt {

// The activation of each element of x. Differentiable any number of times.
at::Tensor Activate(Activation activation, const at::Tensor& x);

// The activation as a table for bfloat16 numbers, which is computed at the first use.
const Bfloat16Table& TableOf(Activation activation);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_ACTIVATION_H_

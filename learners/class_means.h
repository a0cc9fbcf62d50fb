// Prototypes.
#ifndef LEARNERS_CLASS_MEANS_H_
#define LEARNERS_CLASS_MEANS_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/batch.h"

namespace metaprompt {

// Class means of the support features (Snell et al. 2017, eq. 1). features [B, D]; support.labels [B] in [0, ways),
// each present. Returns [tasks * ways, D], differentiable in the features.
at::Tensor ClassMeans(const at::Tensor& features, const Batch& support);

// Classes of one task of a support batch.
int64_t WaysOf(const Batch& support);

}  // namespace metaprompt

#endif  // LEARNERS_CLASS_MEANS_H_

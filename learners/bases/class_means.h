// Prototypes.
#ifndef LEARNERS_BASES_CLASS_MEANS_H_
#define LEARNERS_BASES_CLASS_MEANS_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Class means of the support features (Snell et al. 2017, eq. 1). features [R, D]; support.labels [R] in [0, ways),
// each present. Returns [tasks * ways, D], differentiable in the features.
at::Tensor ClassMeans(const at::Tensor& features, const Batch& support);

// The linear classifier that a prototypical network with squared Euclidean distances is (Snell et al. 2017, section
// 2.4): vectors 2 c / temperature [tasks * ways, E] and biases -|c|² / temperature [tasks * ways], c the class means of
// what the model reads of the support texts. Differentiable in `params`.
ParamList PrototypeHead(const Model& model, const ParamList& params, const Batch& support, double temperature);

// Classes of one task of a support batch.
int64_t WaysOf(const Batch& support);

}  // namespace metaprompt

#endif  // LEARNERS_BASES_CLASS_MEANS_H_

// Prototypes: the mean feature of each class of a support set.
#ifndef LEARNERS_INNER_CLASS_MEANS_H_
#define LEARNERS_INNER_CLASS_MEANS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The class means of support features [R, D] (Snell et al. 2017, eq. 1). Every class must have a row in every task
// (TORCH_CHECK). Returns [tasks * ways, D], differentiable with respect to the features.
at::Tensor ClassMeans(const at::Tensor& features, const Batch& support);

// A prototypical network with squared Euclidean distances is a linear classifier (Snell et al. 2017, section 2.4).
// Returns its class vectors 2 c / temperature [tasks * ways, E] and biases -|c|² / temperature [tasks * ways], where c
// are the class means of ModelOutput::read over the support set. Differentiable with respect to `params`.
ParamList PrototypeHead(const Model& model, const ParamList& params, const Batch& support, double temperature);

// The number of classes per task, which must not be 0 (TORCH_CHECK).
int64_t WaysOf(const Batch& support);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_CLASS_MEANS_H_

// Gradients with respect to lists of tensors. An undefined tensor is a zero.
#ifndef LEARNERS_INNER_GRADIENTS_H_
#define LEARNERS_INNER_GRADIENTS_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "metaprompt/model/params.h"

namespace metaprompt {

// The same values as leaves of a new graph. Leaf i requires a gradient if wanted[i].
ParamList Leaves(const ParamList& params, const std::vector<bool>& wanted);

// The same values without a graph.
ParamList WithoutGraph(const ParamList& params);
ModelParams WithoutGraph(const ModelParams& params);

// The tensors with the indices `places`; undefined for an index past the end.
ParamList Pick(const ParamList& params, const std::vector<size_t>& places);
ParamList Pick(const ModelParams& params, const std::vector<size_t>& places);

// *sum += grad. Works in place only if nothing else refers to *sum.
void Add(const at::Tensor& grad, at::Tensor* sum);

// The gradients of Σ_i weights[i] · outputs[i] with respect to `inputs`. If `weights` is empty, the outputs must be
// scalars, with weights of 1. Undefined for an input on which no output depends.
ParamList Gradients(const ParamList& outputs, const ParamList& inputs, const ParamList& weights, bool keep_graph,
                    bool create_graph);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_GRADIENTS_H_

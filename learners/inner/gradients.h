// Gradients of tensor lists, where an undefined tensor stands for zero.
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

// The tensors at `places`. Undefined where a place is beyond the end.
ParamList Pick(const ParamList& params, const std::vector<size_t>& places);
ParamList Pick(const ModelParams& params, const std::vector<size_t>& places);

// *sum += grad.
void Add(const at::Tensor& grad, at::Tensor* sum);

// The gradients of Σ_i weights[i] · outputs[i] in `inputs`. Without weights, the outputs are scalars. Undefined for an
// input that no output depends on.
ParamList Gradients(const ParamList& outputs, const ParamList& inputs, const ParamList& weights, bool keep_graph,
                    bool create_graph);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_GRADIENTS_H_

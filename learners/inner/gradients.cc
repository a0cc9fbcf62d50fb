#include "learners/inner/gradients.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

namespace metaprompt {
namespace {

template <typename Params>
ParamList PickFrom(const Params& params, const std::vector<size_t>& places) {
  ParamList picked;
  picked.reserve(places.size());
  for (const size_t i : places) {
    picked.push_back(i < params.size() ? params[i] : at::Tensor());
  }
  return picked;
}

}  // namespace

ParamList Leaves(const ParamList& params, const std::vector<bool>& wanted) {
  ParamList leaves;
  leaves.reserve(params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    leaves.push_back(params[i].detach().requires_grad_(wanted[i]));
  }
  return leaves;
}

ParamList WithoutGraph(const ParamList& params) {
  ParamList detached;
  detached.reserve(params.size());
  for (const at::Tensor& param : params) {
    detached.push_back(param.detach());
  }
  return detached;
}

ModelParams WithoutGraph(const ModelParams& params) { return {WithoutGraph(params.params), WithoutGraph(params.head)}; }

ParamList Pick(const ParamList& params, const std::vector<size_t>& places) { return PickFrom(params, places); }

ParamList Pick(const ModelParams& params, const std::vector<size_t>& places) { return PickFrom(params, places); }

void Add(const at::Tensor& grad, at::Tensor* sum) {
  if (!grad.defined()) {
    return;
  }
  if (!sum->defined()) {
    *sum = grad;
  } else if (!sum->requires_grad() && !grad.requires_grad() && sum->use_count() == 1 &&
             sum->storage().use_count() == 1 && sum->is_contiguous() && sum->sizes() == grad.sizes()) {
    sum->add_(grad);  // nothing else refers to the sum
  } else {
    *sum = *sum + grad;
  }
}

ParamList Gradients(const ParamList& outputs, const ParamList& inputs, const ParamList& weights, bool keep_graph,
                    bool create_graph) {
  // An output without a graph has no gradient, and LibTorch would treat it as an error.
  ParamList of;
  ParamList with;
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (outputs[i].requires_grad()) {
      of.push_back(outputs[i]);
      if (!weights.empty()) {
        with.push_back(weights[i]);
      }
    }
  }
  if (of.empty() || inputs.empty()) {
    return ParamList(inputs.size());
  }
  return torch::autograd::grad(of, inputs, with, keep_graph || create_graph, create_graph, /*allow_unused=*/true);
}

}  // namespace metaprompt

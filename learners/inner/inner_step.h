// One step of the inner loop, by SGD or AdamW.
#ifndef LEARNERS_INNER_INNER_STEP_H_
#define LEARNERS_INNER_INNER_STEP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "learners/learner.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// A parameter's step size, constant or learned.
struct InnerRate {
  double constant = 0;
  // [1 or K, ...]: a row for all steps or one per step; the other dimensions broadcast over the parameter. Undefined:
  // the step size is `constant`.
  at::Tensor learned;

  bool moves() const { return constant != 0 || learned.defined(); }
};

// The parameters, and what the optimizer keeps from one step to the next. SGD keeps nothing.
struct InnerState {
  ModelParams params;
  // AdamW's moments, numbered as the parameters. Undefined, and zero, before the first step and for what does not move.
  ParamList first;
  ParamList second;
};

// θ_{k+1} from θ_k and its gradients (undefined: zero) at step k = `step`, from 0. `share`: share of the step size.
// `decay`: which parameters weight decay applies to. Gradients of what moves that are longer, all together, than
// inner.clip_norm are scaled down to it. Differentiable in state, gradients and learned step sizes.
// Without a graph, AdamW changes in place what nobody but `state` holds: hand it on with std::move to save memory.
InnerState InnerStep(const InnerSpec& inner, const std::vector<InnerRate>& rates, const std::vector<bool>& decay,
                     int64_t step, double share, const ParamList& grads, InnerState state);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_INNER_STEP_H_

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
  // [1, ...] or [K, ...]: one row for all steps, or one row per step. A row is broadcast over the parameter. Undefined:
  // the step size is `constant`.
  at::Tensor learned;

  bool moves() const { return constant != 0 || learned.defined(); }
};

// The parameters, and the optimizer's state. SGD has no state.
struct InnerState {
  ModelParams params;
  // AdamW's moments, numbered as the parameters. An undefined moment is zero: before the first step, and for parameters
  // that do not move.
  ParamList first;
  ParamList second;
};

// Computes θ_{k+1} from θ_k and its gradients, at step k = `step`, from 0. A parameter with an undefined gradient is
// unchanged. The step sizes are multiplied by `share`. decay[i] is whether weight decay applies to parameter i. If the
// norm of all gradients of parameters that move is greater than inner.clip_norm (and this is not 0), the gradients are
// scaled down to it. The result is differentiable with respect to the state, the gradients and the learned step sizes.
// Without a graph, AdamW on the CPU changes tensors in place if only `state` refers to them. Pass `state` with
// std::move to save memory.
InnerState InnerStep(const InnerSpec& inner, const std::vector<InnerRate>& rates, const std::vector<bool>& decay,
                     int64_t step, double share, const ParamList& grads, InnerState state);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_INNER_STEP_H_

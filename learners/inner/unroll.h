// The meta-gradient through the inner steps, exactly, in two ways that give one answer: with the graph of all steps
// kept, or one step at a time by the adjoint recursion, in memory that does not grow with them. And to first order.
#ifndef LEARNERS_INNER_UNROLL_H_
#define LEARNERS_INNER_UNROLL_H_

#include <vector>

#include "learners/inner/detached_task.h"
#include "learners/inner/inner_loop.h"
#include "learners/learner.h"

namespace metaprompt {

// What of the query loss the meta-gradient is taken of, and how.
struct Unrolling {
  bool second_order = true;
  std::vector<double> weights;  // of the query loss after steps 1 to K, the last not 0; of that at θ_0 where K is 0
  MetaGradientSpec way;
};

// All the weight on the last of `steps`.
std::vector<double> LastStepWeight(int steps);

// ∇ Σ_k w_k L(θ_k; Q) in the meta-parameters that are `learned`, θ_{k+1} = step(θ_k). To first order the gradients of
// the inner steps count as constants. Throws where LibTorch cannot differentiate an operation twice, with its name.
TaskGradient UnrolledGradient(const Model& model, const ParamList& meta, const std::vector<bool>& learned,
                              const Episode& episode, const StartFunction& start, const InnerSpec& inner,
                              const Unrolling& unrolling);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_UNROLL_H_

// The meta-gradient: the gradient of the query loss after the inner steps with respect to the meta-parameters. It is
// exact, computed from the graph of all steps or from one step's graph at a time, or it is of first order.
#ifndef LEARNERS_INNER_UNROLL_H_
#define LEARNERS_INNER_UNROLL_H_

#include <vector>

#include "learners/inner/detached_task.h"
#include "learners/learner.h"
#include "learners/learner.pb.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Which query losses count, and how their gradient is computed.
struct Unrolling {
  bool second_order = true;
  // Entry k-1 is the weight of the query loss after inner step k; the last is not 0. Without inner steps there is one
  // weight, for the query loss at θ_0.
  std::vector<double> weights;
  MetaGradientSpec way;  // of computing the exact gradient: from which graphs
};

// Weight 1 for the last of `steps` inner steps, 0 for the others.
std::vector<double> LastStepWeight(int steps);

// The gradient of Σ_k w_k L(θ_k; Q) with respect to the meta-parameters (MetaInfos) that are `learned`, where θ_{k+1} =
// step(θ_k). To first order, the gradients within the inner steps are treated as constants. Throws an error that names
// the operation if second order is asked for and LibTorch can differentiate an operation of the model only once.
TaskGradient UnrolledGradient(const Model& model, const ParamList& meta, const std::vector<bool>& learned,
                              const Episode& episode, const StartFunction& start, const InnerSpec& inner,
                              const Unrolling& unrolling);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_UNROLL_H_

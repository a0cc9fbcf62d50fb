// The meta-gradient: the gradient, with respect to the meta-parameters, of the query loss after the inner steps. It is
// computed either exactly (second order) or to first order. The exact gradient needs the graph of all steps in memory,
// or only one step's graph at a time if the steps are recomputed.
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
  // weights[k - 1] is the weight of the query loss after k inner steps, for k = 1, ..., K. The last weight is not 0. If
  // there are no inner steps, the only weight is that of the query loss at θ_0.
  std::vector<double> weights;
  MetaGradientSpec way;  // how the exact gradient is computed: with all graphs in memory, or by recomputation
};

// Weights that are 1 for the last of `steps` inner steps and 0 for the others. One weight if steps is 0.
std::vector<double> LastStepWeight(int steps);

// The gradient of Σ_k w_k L(θ_k; Q) with respect to the meta-parameters (MetaInfos) that are `learned`, where θ_{k+1} =
// step(θ_k). To first order, the gradients in the inner steps are treated as constants. If second order is requested,
// and LibTorch can differentiate an operation of the model only once, throws an error that names the operation.
TaskGradient UnrolledGradient(const Model& model, const ParamList& meta, const std::vector<bool>& learned,
                              const Episode& episode, const StartFunction& start, const InnerSpec& inner,
                              const Unrolling& unrolling);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_UNROLL_H_

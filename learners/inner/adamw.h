// AdamW (Loshchilov and Hutter 2019, algorithm 2) or plain descent, with warm-up, decay and clipping, for the
// initialisation; and the inner loop's AdamW where no graph is wanted of it.
#ifndef LEARNERS_INNER_ADAMW_H_
#define LEARNERS_INNER_ADAMW_H_

#include <cstdint>
#include <vector>

#include "learners/learner.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct AdamWState {
  int64_t step = 0;  // updates done
  ParamList first;   // moments, beside the parameters; undefined, and 0, for what never had a gradient
  ParamList second;
};

AdamWState NoMoments(const ParamList& params);

// The share of the peak rate at update `step` (from 0) of `total`: rises linearly over the warm-up, then stays, or
// falls to `least` after the last, linearly or as half a cosine (Loshchilov and Hutter 2017, eq. 5).
double RateShare(double warmup_share, Decay decay, double least, int64_t step, int64_t total);

// One update, in place: a parameter that another list holds too is copied first, so that list keeps its values. The
// gradients are changed too (clipped). Undefined gradients leave their parameter as it is.
// Returns the gradients' norm before clipping.
double AdamWUpdate(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total, ParamList* grads,
                   ParamList* params, AdamWState* state);

// A step of the inner loop's AdamW, whose ε stands within the root.
struct InnerAdamW {
  double beta1 = 0;
  double beta2 = 0;
  double unbias1 = 1;  // 1 / (1 − β₁ᵗ)
  double unbias2 = 1;  // 1 / (1 − β₂ᵗ)
  double epsilon = 0;
  double weight_decay = 0;
  double rate = 0;
};

// m' = β₁ m + (1 − β₁) g, v' = β₂ v + (1 − β₂) g², θ' = θ − rate (m' unbias1 / √(v' unbias2 + ε²) + weight_decay θ), of
// float or double tensors on the CPU, in one pass over memory. New tensors take the old ones' place; undefined moments
// are 0. No graph is made.
void InnerAdamWStep(const InnerAdamW& step, const at::Tensor& grad, at::Tensor* param, at::Tensor* first,
                    at::Tensor* second);

}  // namespace metaprompt

#endif  // LEARNERS_INNER_ADAMW_H_

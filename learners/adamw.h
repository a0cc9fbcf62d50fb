// AdamW (Loshchilov and Hutter 2019, algorithm 2) or plain descent, with warm-up, decay and clipping, for the
// initialisation.
#ifndef LEARNERS_ADAMW_H_
#define LEARNERS_ADAMW_H_

#include <cstdint>
#include <vector>

#include "learners/learner.pb.h"
#include "metaprompt/params.h"

namespace metaprompt {

struct AdamWState {
  int64_t step = 0;  // updates done
  ParamList first;   // moments, beside the parameters
  ParamList second;
};

AdamWState ZeroMoments(const ParamList& params);

// The share of the peak rate at update `step` (from 0) of `total`: rises linearly over the warm-up, then stays, or
// falls to `least` after the last, linearly or as half a cosine (Loshchilov and Hutter 2017, eq. 5).
double RateShare(double warmup_share, Decay decay, double least, int64_t step, int64_t total);

// One update in place; the gradients are changed too (clipped). Undefined gradients leave their parameter as it is.
// Returns the gradients' norm before clipping.
double AdamWUpdate(const MetaOptimizerSpec& spec, const std::vector<ParamInfo>& infos, int64_t total, ParamList* grads,
                   ParamList* params, AdamWState* state);

}  // namespace metaprompt

#endif  // LEARNERS_ADAMW_H_

// Class logits from distances between features.
#ifndef LEARNERS_BASES_DISTANCE_LOGITS_H_
#define LEARNERS_BASES_DISTANCE_LOGITS_H_

#include <ATen/core/Tensor.h>

#include "learners/learner.pb.h"

namespace metaprompt {

// For features x [B, D] and points c [P, D], returns −|x − c|² / temperature or cos(x, c) / temperature: [B, P].
// Differentiable any number of times.
at::Tensor DistanceLogits(const at::Tensor& x, const at::Tensor& c, Distance distance, double temperature);

}  // namespace metaprompt

#endif  // LEARNERS_BASES_DISTANCE_LOGITS_H_

// The buckets of relative positions: which row of a table of biases belongs to the distance between two tokens
// (Raffel et al. 2020, section 2.1).
#ifndef METAPROMPT_OPERATIONS_RELATIVE_BUCKETS_H_
#define METAPROMPT_OPERATIONS_RELATIVE_BUCKETS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metaprompt {

struct RelativeBuckets {
  int64_t buckets = 32;    // at least 4
  int64_t farthest = 128;  // more than buckets / 2
  // Whether half of the buckets are for keys after the query. If false, all keys after the query have bucket 0, that of
  // distance 0.
  bool both_directions = true;
};

// The buckets of distances (position of the key minus position of the query), int64 of any shape. In each direction,
// the first half of the buckets are single distances, and the others grow geometrically up to the distance `farthest`.
at::Tensor BucketsOf(const RelativeBuckets& relative, const at::Tensor& distance);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_RELATIVE_BUCKETS_H_

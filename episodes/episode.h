// A plan as tensors.
#ifndef EPISODES_EPISODE_H_
#define EPISODES_EPISODE_H_

#include <ATen/core/Tensor.h>

#include "episodes/sampler.h"
#include "metaprompt/batch.h"

namespace metaprompt {

struct Episode {
  EpisodePlan plan;
  at::Tensor rows;  // [U] int64, ascending: the vocabulary ids that occur; token ids of both batches index it
  Batch support;
  Batch query;
};

}  // namespace metaprompt

#endif  // EPISODES_EPISODE_H_

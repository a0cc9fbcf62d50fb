// Episode: one or several tasks as tensors. A learner receives nothing else about a task.
#ifndef METAPROMPT_MODEL_EPISODE_H_
#define METAPROMPT_MODEL_EPISODE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>

#include "metaprompt/base/random.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/to_device.h"

namespace metaprompt {

// One task, or several that are computed together. `support` and `query` have the same number of tasks.
struct Episode {
  // [U] int64, ascending: the vocabulary ids that occur in the episode. The token ids of both batches are indices into
  // it. Undefined: the token ids are vocabulary ids.
  at::Tensor rows;
  Batch support;
  Batch query;
};

// The same episode with new seeds of both batches (Batch::seed), which are computed from `seed`.
inline Episode WithSeed(Episode episode, uint64_t seed) {
  episode.support.seed = SubSeed(seed, "support");
  episode.query.seed = SubSeed(seed, "query");
  return episode;
}

// The same episode in the device's memory. If the device is the CPU, returns the episode unchanged.
inline Episode OnDevice(Episode episode, at::Device device) {
  episode.rows = device.is_cpu() ? episode.rows : ToDevice(episode.rows, device);
  episode.support = OnDevice(std::move(episode.support), device);
  episode.query = OnDevice(std::move(episode.query), device);
  return episode;
}

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_EPISODE_H_

// A task as tensors: what a learner sees of it.
#ifndef METAPROMPT_MODEL_EPISODE_H_
#define METAPROMPT_MODEL_EPISODE_H_

#include <ATen/core/Tensor.h>

#include <utility>

#include "metaprompt/model/batch.h"

namespace metaprompt {

// One task, or several that are computed together (Batch::tasks), as many in support as in query.
struct Episode {
  at::Tensor
      rows;  // [U] int64, ascending: the vocabulary ids that occur; token ids of both batches are indices into it
  Batch support;
  Batch query;
};

// The same episode in a device's memory; on the CPU, the episode itself.
inline Episode OnDevice(Episode episode, at::Device device) {
  episode.rows = device.is_cpu() ? episode.rows : episode.rows.to(device);
  episode.support = OnDevice(std::move(episode.support), device);
  episode.query = OnDevice(std::move(episode.query), device);
  return episode;
}

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_EPISODE_H_

// A plan as tensors.
#ifndef EPISODES_EPISODE_H_
#define EPISODES_EPISODE_H_

#include <ATen/core/Tensor.h>

#include <utility>

#include "episodes/sampler.h"
#include "metaprompt/model/batch.h"

namespace metaprompt {

struct Episode {
  EpisodePlan plan;
  at::Tensor rows;  // [U] int64, ascending: the vocabulary ids that occur; token ids of both batches index it
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

#endif  // EPISODES_EPISODE_H_

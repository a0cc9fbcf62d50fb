// A task source turns a sampler's plans into tensors.
#ifndef EPISODES_TASK_SOURCE_H_
#define EPISODES_TASK_SOURCE_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/types/span.h"
#include "episodes/sampler.h"
#include "metaprompt/model/episode.h"

namespace metaprompt {

// Task sources are immutable and safe to call from several threads at once.
class TaskSource {
 public:
  virtual ~TaskSource() = default;

  // The classes and their numbers of examples, for EpisodeSampler::Create. If it is empty, tasks have no classes, and a
  // plan is only an index.
  virtual std::vector<ClassSize> sizes() const = 0;

  // The tasks of these plans, as one episode: each of its batches has plans.size() tasks (see Batch). All plans must
  // have the same number of ways, shots and queries. `dtype` is the type of floating-point tensors.
  virtual Episode Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const = 0;
};

}  // namespace metaprompt

#endif  // EPISODES_TASK_SOURCE_H_

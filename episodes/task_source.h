// TaskSource: turns the sampler's plans into episodes of tensors.
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

  // The classes and their numbers of examples, for EpisodeSampler::Create. If it is empty, the tasks have no classes,
  // and a plan is only an index.
  virtual std::vector<ClassSize> sizes() const = 0;

  // Builds the tasks of the plans as one episode, whose two batches have plans.size() tasks each (see Batch). All plans
  // must have the same numbers of ways, shots and queries. `dtype` is the type of floating-point tensors.
  virtual Episode Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const = 0;
};

}  // namespace metaprompt

#endif  // EPISODES_TASK_SOURCE_H_

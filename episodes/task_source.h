// What a sampler deals from: something that turns a plan into tensors.
#ifndef EPISODES_TASK_SOURCE_H_
#define EPISODES_TASK_SOURCE_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/types/span.h"
#include "episodes/sampler.h"
#include "metaprompt/model/episode.h"

namespace metaprompt {

// Immutable; safe to call from several threads at once.
class TaskSource {
 public:
  virtual ~TaskSource() = default;

  // The classes and how many examples each has, for EpisodeSampler::Create. Empty: tasks have no classes, and a plan is
  // its index alone.
  virtual std::vector<ClassSize> sizes() const = 0;

  // The plans' tasks as one episode: a batch of plans.size() tasks each (see Batch). All plans have as many ways, shots
  // and queries. `dtype` is the type of floating-point tensors.
  virtual Episode Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const = 0;
};

}  // namespace metaprompt

#endif  // EPISODES_TASK_SOURCE_H_

// GradientBlock: the meta-gradients of some of the tasks of an update, and their sum. Several processes can compute an
// update together, each a block of its tasks, and the sums have the same bits as in one process.
#ifndef LEARNERS_INNER_GRADIENT_BLOCK_H_
#define LEARNERS_INNER_GRADIENT_BLOCK_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// The tasks of one update, in groups. The tasks of a group are computed as one episode.
struct TaskGroups {
  int64_t meta_step = 0;  // from 0
  int64_t count = 0;      // number of groups of the whole update, of which a block has some
  // Returns the tasks of group g as one episode. Called from several threads.
  std::function<Episode(int64_t g)> episode;
};

// The facts about the gradient of one group.
struct GroupFacts {
  double query_loss = 0;  // summed over the group's tasks, as query_accuracy
  double query_accuracy = 0;
  bool recomputed = false;  // see MetaGradientSpec
};

class GradientBlock {
 public:
  // Computes the groups first, ..., last - 1. The number of all groups, not of the block's, decides how the pool's
  // threads share them, so that a gradient does not depend on the block that it is in. `params`: those of `infos`, with
  // all rows of a vocabulary that the block's tasks need. Cancelled if the pool was asked to stop.
  absl::Status Compute(const Learner& learner, const Model& model, const std::vector<ParamInfo>& infos,
                       const ParamList& params, const TaskGroups& groups, int64_t first, int64_t last, TaskPool* pool);

  // One for each group.
  const std::vector<GroupFacts>& facts() const { return facts_; }

  // Whether any group has a gradient of parameter i.
  bool Has(size_t i) const;

  // The rows of a parameter with `vocab_rows` that the block's gradients change: see UnionOfRows.
  at::Tensor Rows() const;

  // *sum += the gradient of parameter i, of one group after another, in their order. *sum has the shape of the whole
  // parameter. If it is undefined and Has(i), it becomes zero first. `like` has the shape, type and device of the
  // parameter.
  void AddTo(const ParamInfo& info, size_t i, const at::Tensor& like, at::Tensor* sum) const;

 private:
  struct Gradient {
    ParamList grads;
    at::Tensor rows;
  };

  std::vector<Gradient> gradients_;
  std::vector<GroupFacts> facts_;
};

// The rows of the vocabulary (Episode::rows) that occur in any of the episodes, [U] int64 on the CPU, ascending.
// Undefined if there is no episode, or if one of them has no rows, so that it may need all of them.
at::Tensor UnionOfRows(const std::vector<at::Tensor>& rows);

// Other processes that compute the first groups of an update; this process computes the last ones. The calls for an
// update are Begin, First, then Finish or Drop, and after the update Updated.
class OtherRanks {
 public:
  virtual ~OtherRanks() = default;

  // Lets the other processes begin with their groups.
  virtual absl::Status Begin(int64_t meta_step, int64_t groups, const ParamList& params) = 0;

  // The first group of this process.
  virtual int64_t First(int64_t groups) const = 0;

  // Waits until the other processes have computed their gradients. Sets `sums` to the sums of these, added one group
  // after another, in their order; an undefined sum is zero. Appends the facts about their groups, in the same order.
  // `infos` and `params`: the parameters of Begin. Cancelled if a process was asked to stop, or if one is lost.
  virtual absl::Status Finish(const std::vector<ParamInfo>& infos, const ParamList& params, ParamList* sums,
                              std::vector<GroupFacts>* facts) = 0;

  // The update is given up: the other processes forget what they computed.
  virtual void Drop() = 0;

  // The parameters with a defined sum have new values.
  virtual void Updated(const ParamList& sums) = 0;
};

}  // namespace metaprompt

#endif  // LEARNERS_INNER_GRADIENT_BLOCK_H_

// How parameters adapt to a support set, and which way the initialisation should move so that they adapt better.
#ifndef LEARNERS_LEARNER_H_
#define LEARNERS_LEARNER_H_

#include <cstdint>
#include <limits>
#include <vector>

#include "learners/learner.pb.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// What one episode says about the initialisation. Of several tasks in one episode (Batch::tasks): the sum.
struct TaskGradient {
  ParamList grads;            // beside the meta-parameters; undefined where nothing is to be learned
  double query_loss = 0;      // after adaptation
  double query_accuracy = 0;  // in [0, 1]
  // What `grads` is the gradient of; not a number where they are a direction that no function has for its gradient
  // (first-order MAML, Reptile) or are its gradient in a limit only (implicit MAML).
  double objective = std::numeric_limits<double>::quiet_NaN();
  bool recomputed = false;  // see MetaGradientSpec
};

// Immutable, and safe to call from several threads at once. Meta-parameters are the model's, local ones (LocalParams),
// and behind them the learner's own; they are never changed.
class Learner {
 public:
  virtual ~Learner() = default;

  // What is meta-learned beside the model's parameters (step sizes, prompts to choose from), and how it begins.
  virtual std::vector<ParamInfo> OwnParams(const Model& /*model*/) const { return {}; }
  virtual ParamList InitOwn(const Model& /*model*/, uint64_t /*seed*/) const { return {}; }

  // θ_K from θ_0 = `meta` and the support set, without a graph: what Logits needs, whatever that is. It is never handed
  // the query set.
  virtual ParamList Adapt(const Model& model, const ParamList& meta, const Batch& support) const = 0;

  // Class logits [B, ways] of query texts. One text's do not depend on the others'.
  virtual at::Tensor Logits(const Model& model, const ParamList& adapted, const Batch& query) const {
    return model.Forward(adapted, query).logits;
  }

  // The direction to subtract from the initialisation: the gradient of the query loss after adaptation, or what the
  // learner puts in its place. `meta_step` counts from 0, for what changes in the course of meta-training.
  virtual TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                    int64_t meta_step) const = 0;

  // Whether episodes of several tasks give the sum of what the tasks give apart: where all that adapts is PerTask.
  virtual bool TakesSeveralTasks(const Model& /*model*/) const { return false; }
};

// The model's parameters and behind them the learner's own: what is meta-learned, saved and loaded.
std::vector<ParamInfo> MetaInfos(const Model& model, const Learner& learner);

// The model's initial parameters with the learner's own behind them.
ParamList WithOwn(const Model& model, const Learner& learner, ParamList params, uint64_t seed);

}  // namespace metaprompt

#endif  // LEARNERS_LEARNER_H_

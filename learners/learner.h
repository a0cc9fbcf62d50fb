// A meta-learner: how parameters adapt to a support set, and in which direction the initialisation moves so that they
// adapt better.
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

// The meta-parameters by name. In a flat list, as in files and in the meta-optimizer, the model's come first:
// MetaInfos.
struct MetaParams {
  ParamList model;  // as Model::params() lists them
  ParamList own;    // as Learner::OwnParams lists them
};

// What a learner makes of the meta-parameters and a support set. A learner fills what its Logits needs.
struct AdaptedParams {
  ModelParams model;
  ParamList own;     // the learner's own meta-parameters
  ParamList fitted;  // what it computed of the support set, such as prototypes
};

// What one episode contributes to meta-training. If it has several tasks (Batch::tasks), the sum over them.
struct TaskGradient {
  ParamList grads;            // for each of MetaInfos; undefined where nothing is learned
  double query_loss = 0;      // after adaptation
  double query_accuracy = 0;  // in [0, 1]
  // The value whose gradient `grads` is. NaN if there is no such value: first-order MAML and Reptile give a direction
  // that is no gradient, implicit MAML gives a gradient only in the limit of many inner steps.
  double objective = std::numeric_limits<double>::quiet_NaN();
  bool recomputed = false;  // see MetaGradientSpec
};

// Immutable, and safe to call from several threads at once. The meta-parameters `meta` are local ones (LocalParams), in
// the order of MetaInfos. They are never changed in place.
class Learner {
 public:
  virtual ~Learner() = default;

  // What is meta-learned besides the model's parameters (step sizes, a pool of prompts), and its initial values.
  virtual std::vector<ParamInfo> OwnParams(const Model& /*model*/) const { return {}; }
  virtual ParamList InitOwn(const Model& /*model*/, uint64_t /*seed*/) const { return {}; }

  // Adapts `meta` to the support set, without a graph. It never sees the query set.
  virtual AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const = 0;

  // Class logits [B, ways] of query texts. Those of one text do not depend on the other texts.
  virtual at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const {
    return model.Forward(adapted.model, query).logits;
  }

  // The direction to subtract from the initialisation: the gradient of the query loss after adaptation, or what the
  // learner uses in its place. `meta_step` counts from 0, for schedules.
  virtual TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                    int64_t meta_step) const = 0;

  // Whether an episode of several tasks gives the sum of what its tasks give one by one. True if all that adapts may
  // differ from task to task (Model::PerTask).
  virtual bool TakesSeveralTasks(const Model& /*model*/) const { return false; }

  // About how many bytes Adapt takes at its peak, besides parameters and batch. 0: few.
  virtual double AdaptBytes(const Model& /*model*/, const Batch& /*support*/) const { return 0; }
};

// The model's parameters followed by the learner's own: what is meta-learned, saved and loaded.
std::vector<ParamInfo> MetaInfos(const Model& model, const Learner& learner);

// A flat list of meta-parameters by name. It has at least the model's.
MetaParams ByName(const Model& model, const ParamList& meta);

// The model's initial parameters followed by the learner's own.
ParamList WithOwn(const Model& model, const Learner& learner, ParamList params, uint64_t seed);

}  // namespace metaprompt

#endif  // LEARNERS_LEARNER_H_

// Learner: the interface of meta-learners. A learner adapts parameters to a support set, and computes in which
// direction the initialisation must move for them to adapt better.
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

// The meta-parameters in two lists. Files and the meta-optimizer have them in one flat list, the model's first (see
// MetaInfos).
struct MetaParams {
  ParamList model;  // as Model::params() lists them
  ParamList own;    // as Learner::OwnParams lists them
};

// The result of adapting the meta-parameters to a support set. A learner fills in what its Logits needs.
struct AdaptedParams {
  ModelParams model;
  ParamList own;     // the learner's own meta-parameters
  ParamList fitted;  // what it computed from the support set, such as prototypes
};

// What one episode contributes to an update of meta-training. If the episode has several tasks (Batch::tasks), all
// values except `recomputed` are sums over the tasks.
struct TaskGradient {
  ParamList grads;            // in the order of MetaInfos; undefined for a parameter that is not learned
  double query_loss = 0;      // after adaptation
  double query_accuracy = 0;  // in [0, 1] for one task
  // The value whose gradient `grads` is. NaN if there is none: first-order MAML and Reptile return a direction that is
  // not a gradient, and implicit MAML returns a gradient only in the limit of many inner steps.
  double objective = std::numeric_limits<double>::quiet_NaN();
  bool recomputed = false;  // see MetaGradientSpec
};

// A learner is immutable, and several threads may call it at the same time. The arguments `meta` are the
// meta-parameters for one episode (LocalParams), in the order of MetaInfos. They are never changed in place.
class Learner {
 public:
  virtual ~Learner() = default;

  // The parameters that the learner adds to the model's, such as step sizes or a pool of prompts, and their initial
  // values. They are always meta-learned.
  virtual std::vector<ParamInfo> OwnParams(const Model& /*model*/) const { return {}; }
  virtual ParamList InitOwn(const Model& /*model*/, uint64_t /*seed*/) const { return {}; }

  // Adapts `meta` to the support set, without a graph. The query set is not an argument.
  virtual AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const = 0;

  // Class logits [R, ways] of the query set. The logits of a row do not depend on the other rows.
  virtual at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const {
    return model.Forward(adapted.model, query).logits;
  }

  // The direction to subtract from the initialisation: the gradient of the query loss after adaptation, or what the
  // learner uses in its place. `meta_step`, from 0, is for schedules.
  virtual TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                    int64_t meta_step) const = 0;

  // Whether an episode may have several tasks. Adapt then adapts to each task separately, and MetaGradient returns the
  // sum of what it returns for each task alone. This requires that every parameter that adapts may have a value per
  // task (Model::PerTask).
  virtual bool TakesSeveralTasks(const Model& /*model*/) const { return false; }

  // Approximately how many bytes Adapt takes at its peak, without the parameters and the batch. 0: negligible.
  virtual double AdaptBytes(const Model& /*model*/, const Batch& /*support*/) const { return 0; }
};

// The infos of the model's parameters, followed by those of the learner's own. Parameter lists in this order are
// meta-learned, saved and loaded.
std::vector<ParamInfo> MetaInfos(const Model& model, const Learner& learner);

// Splits a flat list of meta-parameters. It must contain at least the model's.
MetaParams ByName(const Model& model, const ParamList& meta);

// Appends the initial values of the learner's own parameters to `params`, the model's.
ParamList WithOwn(const Model& model, const Learner& learner, ParamList params, uint64_t seed);

}  // namespace metaprompt

#endif  // LEARNERS_LEARNER_H_

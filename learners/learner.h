// How parameters adapt to a support set, and which way the initialisation should move so that they adapt better.
#ifndef LEARNERS_LEARNER_H_
#define LEARNERS_LEARNER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "episodes/episode.h"
#include "learners/learner.pb.h"
#include "metaprompt/batch.h"
#include "metaprompt/model.h"
#include "metaprompt/params.h"

namespace metaprompt {

// What one task says about the initialisation.
struct TaskGradient {
  ParamList grads;            // beside the local parameters; undefined where nothing is to be learned
  double query_loss = 0;      // after adaptation
  double query_accuracy = 0;  // in [0, 1]
};

// Immutable, and safe to call from several threads at once. Parameters are local ones (LocalParams) throughout, and are
// never changed.
class Learner {
 public:
  virtual ~Learner() = default;

  // θ_K from θ_0 = `meta` and the support set, without a graph. It is never handed the query set.
  virtual ParamList Adapt(const Model& model, const ParamList& meta, const Batch& support) const = 0;

  // The direction to subtract from the initialisation: the gradient of the query loss after adaptation, or what the
  // learner puts in its place. `meta_step` counts from 0, for what changes in the course of meta-training.
  virtual TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                    int64_t meta_step) const = 0;
};

// The learner that the spec's oneof names; the spec has passed its rules.
std::unique_ptr<Learner> MakeLearner(const LearnerSpec& spec);

}  // namespace metaprompt

#endif  // LEARNERS_LEARNER_H_

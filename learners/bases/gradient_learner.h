// GradientLearner: the base class of learners that adapt by gradient steps on the support loss. A learner defines where
// the steps start, which parameters they change, and which query losses are differentiated for the meta-gradient.
#ifndef LEARNERS_BASES_GRADIENT_LEARNER_H_
#define LEARNERS_BASES_GRADIENT_LEARNER_H_

#include <vector>

#include "learners/inner/task_start.h"
#include "learners/inner/unroll.h"
#include "learners/learner.h"

namespace metaprompt {

class GradientLearner : public Learner {
 public:
  explicit GradientLearner(const LearnerSpec& spec) : spec_(spec) {}

  // Takes the inner steps on the support set, as specified by learner.meta_test or, by default, learner.inner.
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;

  // The gradient of Σ_k w_k L(θ_k; Q), where θ_{k+1} = θ_k − α ∇L(θ_k; S), with respect to the initialisation and the
  // learner's own parameters.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

  bool TakesSeveralTasks(const Model& model) const override { return MovesPerTaskEverywhere(model, adapts()); }

  double AdaptBytes(const Model& model, const Batch& support) const override;

 protected:
  const LearnerSpec& spec() const { return spec_; }

  // Which of the model's parameters the inner steps change (AdaptedScope).
  const ScopeSpec& adapts() const;

  // θ_0 and the step sizes: those of `inner` or, if `learned_rates`, the learned ones where the learner has them.
  virtual TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                          bool /*learned_rates*/) const {
    return PlainStart(model, meta, support, inner, adapts());
  }

  // Which query losses count at this meta-step, and whether to second order. By default the loss after the last step,
  // to second order.
  virtual Unrolling UnrollingAt(int64_t /*meta_step*/) const {
    return {true, LastStepWeight(spec_.inner().steps()), spec_.meta_gradient()};
  }

  // Whether the inner steps of several tasks can be taken together, in meta-training and at meta-test: every parameter
  // that they change may have a value per task, and there are no mini-batches, no clipping and no dropout.
  bool MovesPerTaskEverywhere(const Model& model, const ScopeSpec& scope) const;

  // For each meta-parameter, whether it is meta-learned. Those are the model's parameters in learner.learns and all of
  // the learner's own.
  std::vector<bool> Learned(const Model& model, const ParamList& meta) const;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_BASES_GRADIENT_LEARNER_H_

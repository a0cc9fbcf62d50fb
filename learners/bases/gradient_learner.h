// The base of learners that adapt by gradient steps on the support loss. A learner defines where the steps start, which
// parameters they change, and which query losses the meta-gradient is taken of.
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

  // K steps on the support set, as learner.meta_test prescribes or else learner.inner.
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;

  // The gradient of Σ_k w_k L(θ_k; Q), where θ_{k+1} = θ_k − α ∇L(θ_k; S), in the initialisation and in the learner's
  // own parameters.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

  bool TakesSeveralTasks(const Model& model) const override { return MovesPerTaskEverywhere(model, adapts()); }

  double AdaptBytes(const Model& model, const Batch& support) const override;

 protected:
  const LearnerSpec& spec() const { return spec_; }

  // Which of the model's parameters the inner steps change: the scope among the learner's facts, or learner.adapts.
  const ScopeSpec& adapts() const;

  // θ_0 and the step sizes: the learned ones if `learned_rates`, else those of `inner`.
  virtual TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                          bool /*learned_rates*/) const {
    return PlainStart(model, meta, support, inner, adapts());
  }

  // Which query losses count at this meta-step; by default the one after the last step, to second order.
  virtual Unrolling UnrollingAt(int64_t /*meta_step*/) const {
    return {true, LastStepWeight(spec_.inner().steps()), spec_.meta_gradient()};
  }

  // Whether all that the inner steps change may differ between the tasks of a batch, at meta-test too.
  bool MovesPerTaskEverywhere(const Model& model, const ScopeSpec& scope) const;

  // For each meta-parameter, whether it is meta-learned: the model's that are in learner.learns, and the learner's own.
  std::vector<bool> Learned(const Model& model, const ParamList& meta) const;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_BASES_GRADIENT_LEARNER_H_

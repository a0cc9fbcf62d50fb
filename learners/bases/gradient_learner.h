// What learners that adapt by gradient steps on the support loss have in common. Each says where the steps begin, which
// of the parameters they move, and what the meta-gradient is taken of.
#ifndef LEARNERS_BASES_GRADIENT_LEARNER_H_
#define LEARNERS_BASES_GRADIENT_LEARNER_H_

#include <vector>

#include "learners/inner/inner_loop.h"
#include "learners/inner/unroll.h"
#include "learners/learner.h"

namespace metaprompt {

class GradientLearner : public Learner {
 public:
  explicit GradientLearner(const LearnerSpec& spec) : spec_(spec) {}

  // K steps on the support set, at meta-test as learner.meta_test says.
  ParamList Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;

  // ∇_θ Σ_k w_k L(θ_k; Q), θ_{k+1} = θ_k − α ∇L(θ_k; S), and of the learned parts of the start and the step sizes.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

  bool TakesSeveralTasks(const Model& model) const override { return MovesPerTaskEverywhere(model, adapts()); }

 protected:
  const LearnerSpec& spec() const { return spec_; }

  virtual ScopeSpec adapts() const { return spec_.adapts(); }

  // θ_0 and step sizes; those that were learned where `learned_rates`, and else as `inner` says.
  virtual TaskStart Start(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                          bool /*learned_rates*/) const {
    return PlainStart(model, meta, support, inner, adapts());
  }

  // The exact gradient of the loss after the last step.
  virtual Unrolling UnrollingAt(int64_t /*meta_step*/) const {
    return {true, LastStepWeight(spec_.inner().steps()), spec_.meta_gradient()};
  }

  // Whether all that moves may differ between the tasks of a batch, at meta-test too.
  bool MovesPerTaskEverywhere(const Model& model, const ScopeSpec& scope) const;

  // Of all meta-parameters: the model's that learner.learns names, and the learner's own.
  std::vector<bool> Learned(const Model& model, const ParamList& meta) const;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_BASES_GRADIENT_LEARNER_H_

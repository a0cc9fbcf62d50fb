// Implicit MAML (Rajeswaran et al. 2019): the inner loop minimises L(φ; S) + λ/2 |φ − θ|². The derivative of the
// minimum φ with respect to θ depends only on φ, not on the steps that led there (eq. 6).
#ifndef LEARNERS_PAPERS_IMAML_H_
#define LEARNERS_PAPERS_IMAML_H_

#include <cstdint>

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class Imaml : public GradientLearner {
 public:
  explicit Imaml(const LearnerSpec& spec) : GradientLearner(spec) {}

  // For the parameters that move, (I + H/λ)⁻¹ ∇L(φ; Q) by conjugate gradients, where H is the Hessian of L(·; S) at φ.
  // Parameters that are learned but do not move also have a derivative through φ. The memory does not depend on the
  // number of inner steps.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

  // Conjugate gradients on several tasks together give other results than on each task separately.
  bool TakesSeveralTasks(const Model& /*model*/) const override { return false; }

 protected:
  TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_IMAML_H_

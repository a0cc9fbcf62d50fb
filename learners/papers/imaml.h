// Implicit MAML (Rajeswaran et al. 2019): the inner loop goes to the minimum φ of L(φ; S) + λ/2 |φ − θ|². How φ changes
// with θ follows from φ alone (eq. 6), whatever steps led to it.
#ifndef LEARNERS_PAPERS_IMAML_H_
#define LEARNERS_PAPERS_IMAML_H_

#include <cstdint>

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class Imaml : public GradientLearner {
 public:
  explicit Imaml(const LearnerSpec& spec) : GradientLearner(spec) {}

  // For what moves, (I + H/λ)⁻¹ ∇L(φ; Q) by conjugate gradients, where H is the Hessian of L(·; S) at φ. What is
  // learned and does not move has an implicit derivative too. Memory does not grow with the inner steps.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

  // Conjugate gradients on several tasks together would differ from those on each task.
  bool TakesSeveralTasks(const Model& /*model*/) const override { return false; }

 protected:
  TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_IMAML_H_

// Meta-SGD (Li et al. 2017, eq. 2): θ' = θ − α ∘ ∇L(θ; S). α has a step size for every number of the parameters, and is
// learned together with the initialisation.
#ifndef LEARNERS_PAPERS_META_SGD_H_
#define LEARNERS_PAPERS_META_SGD_H_

#include <vector>

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class MetaSgd : public GradientLearner {
 public:
  explicit MetaSgd(const LearnerSpec& spec) : GradientLearner(spec) {}

  // `step_size.NAME` for each parameter NAME that moves, with the same shape. For the class head
  // `step_size.class_vectors` [E] and `step_size.class_biases` [1], which all classes share, since each task has other
  // classes. The initial values are the step sizes of learner.inner.
  std::vector<ParamInfo> OwnParams(const Model& model) const override;
  ParamList InitOwn(const Model& model, uint64_t seed) const override;

 protected:
  TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_META_SGD_H_

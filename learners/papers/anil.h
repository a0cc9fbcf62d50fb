// ANIL (Raghu et al. 2020): MAML whose inner loop adapts only the classifier. In a model with a class head, the
// classifier is the class vectors, which start as the answer words' vectors. In other models it is the topmost layer.
#ifndef LEARNERS_PAPERS_ANIL_H_
#define LEARNERS_PAPERS_ANIL_H_

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class Anil : public GradientLearner {
 public:
  explicit Anil(const LearnerSpec& spec) : GradientLearner(spec) {}

  bool TakesSeveralTasks(const Model& model) const override;

 protected:
  TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_ANIL_H_

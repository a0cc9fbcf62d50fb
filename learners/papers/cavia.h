// CAVIA (Zintgraf et al. 2019): context parameters start at 0 in every task, and only they adapt. The rest of the model
// is shared and meta-learned. The context is the soft vectors and the prefixes; the layers that the vectors pass
// through are shared.
#ifndef LEARNERS_PAPERS_CAVIA_H_
#define LEARNERS_PAPERS_CAVIA_H_

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class Cavia : public GradientLearner {
 public:
  explicit Cavia(const LearnerSpec& spec) : GradientLearner(spec) {}

 protected:
  TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_CAVIA_H_

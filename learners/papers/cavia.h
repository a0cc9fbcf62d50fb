// CAVIA (Zintgraf et al. 2019): the context parameters start at 0 in every task, and only they (and the class vectors,
// if they have a step size) adapt. The rest of the model is meta-learned and shared by all tasks. Here the context
// parameters are the soft vectors and the prefixes, but not the LSTM and MLP on the soft vectors.
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

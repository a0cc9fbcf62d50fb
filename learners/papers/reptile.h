// Reptile (Nichol et al. 2018, algorithm 2): the initialisation moves towards the end of the descent. One task per
// meta-step is the serial algorithm, several are the batched one. With the meta-optimizer's SGD, its rate is the
// paper's ε.
#ifndef LEARNERS_PAPERS_REPTILE_H_
#define LEARNERS_PAPERS_REPTILE_H_

#include <cstdint>

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class Reptile : public GradientLearner {
 public:
  explicit Reptile(const LearnerSpec& spec) : GradientLearner(spec) {}

  // θ − θ_K after K steps of descent on the support texts, or on support and query texts in turns (train_on_query). The
  // reported loss and accuracy are those of the last step's texts before that step, so that no other pass is needed.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_REPTILE_H_

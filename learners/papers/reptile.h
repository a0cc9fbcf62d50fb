// Reptile (Nichol et al. 2018, algorithm 2): the initialisation moves towards the parameters after the inner steps.
// With one task per meta-step this is the paper's serial algorithm, with several the batched one. If the meta-optimizer
// is SGD, its rate is the paper's ε.
#ifndef LEARNERS_PAPERS_REPTILE_H_
#define LEARNERS_PAPERS_REPTILE_H_

#include <cstdint>

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

class Reptile : public GradientLearner {
 public:
  explicit Reptile(const LearnerSpec& spec) : GradientLearner(spec) {}

  // θ − θ_K after K steps on the support set, or on support set and query set in turns (train_on_query). The reported
  // loss and accuracy are those on the batch of the last step, before that step, so that no extra forward pass is
  // needed.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_REPTILE_H_

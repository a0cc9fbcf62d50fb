// MAML (Finn et al. 2017), of second or first order, and MAML++ (Antoniou et al. 2019): multi-step loss (eq. 3),
// learned step sizes per layer and step (LSLR), derivative-order annealing. MAML++'s cosine schedule is the
// meta-optimizer's.
#ifndef LEARNERS_PAPERS_MAML_H_
#define LEARNERS_PAPERS_MAML_H_

#include <cstdint>
#include <vector>

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

// The weights of the query losses after inner steps 1 to `steps` in epoch `epoch` of MultiStepLossSpec. They sum to 1,
// are equal in epoch 0, and from epoch `epochs` on are 0.03 / steps for each step but the last. steps >= 1.
std::vector<double> MultiStepWeights(int steps, int64_t epoch, int64_t epochs);

class Maml : public GradientLearner {
 public:
  explicit Maml(const LearnerSpec& spec) : GradientLearner(spec) {}

  // With learned_rates: `maml.step_sizes` [K, columns], one column for each layer of each group that moves, and one for
  // the class head.
  std::vector<ParamInfo> OwnParams(const Model& model) const override;
  ParamList InitOwn(const Model& model, uint64_t seed) const override;

  // With query_batches, of one task: the gradient of the sum or mean of the batches' losses.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;
  bool TakesSeveralTasks(const Model& model) const override {
    return !spec().maml().has_query_batches() && GradientLearner::TakesSeveralTasks(model);
  }

 protected:
  TaskStart Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                  bool learned_rates) const override;
  Unrolling UnrollingAt(int64_t meta_step) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_MAML_H_

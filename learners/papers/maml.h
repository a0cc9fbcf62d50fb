// MAML (Finn et al. 2017), of second or first order, with the options of MAML++ (Antoniou et al. 2019): multi-step loss
// (eq. 3), learned step sizes per layer and step (LSLR), and derivative-order annealing. MAML++'s cosine schedule is an
// option of the meta-optimizer.
#ifndef LEARNERS_PAPERS_MAML_H_
#define LEARNERS_PAPERS_MAML_H_

#include <cstdint>
#include <vector>

#include "learners/bases/gradient_learner.h"

namespace metaprompt {

// The weights of the query losses after inner steps 1, ..., `steps` in epoch `epoch`, from 0 (MultiStepLossSpec). They
// sum to 1. They are equal in epoch 0. From epoch `epochs` on, all but the last are 0.03 / steps. steps >= 1.
std::vector<double> MultiStepWeights(int steps, int64_t epoch, int64_t epochs);

class Maml : public GradientLearner {
 public:
  explicit Maml(const LearnerSpec& spec) : GradientLearner(spec) {}

  // With learned_rates: `maml.step_sizes` [K, columns]. There is a column for each pair of group and layer with a
  // parameter that moves, and one for the class head if it moves.
  std::vector<ParamInfo> OwnParams(const Model& model) const override;
  ParamList InitOwn(const Model& model, uint64_t seed) const override;

  // With query_batches, for an episode of one task: the gradient of the sum or mean of the batches' losses.
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

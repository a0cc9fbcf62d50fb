// ContrastNet (Chen et al. 2022): a supervised contrastive loss (eq. 3) pulls features of the same class together and
// pushes features of different classes apart. A query is assigned the class of its nearest support text. The paper's
// two regularisers are omitted, because they need texts that another model has rewritten.
#ifndef LEARNERS_PAPERS_CONTRAST_NET_H_
#define LEARNERS_PAPERS_CONTRAST_NET_H_

#include "learners/bases/episode_learner.h"

namespace metaprompt {

// −1/N Σ_i 1/|P_i| Σ_{j∈P_i} log( exp(s_ij) / Σ_{k≠i} exp(s_ik) ), where s = cosine / temperature and P_i are the other
// texts of i's class. A text that is alone in its class contributes 0. `features` [N, D], `labels` [N]. Returns a
// scalar, twice differentiable.
at::Tensor SupervisedContrastiveLoss(const at::Tensor& features, const at::Tensor& labels, double temperature);

class ContrastNet : public EpisodeLearner {
 public:
  explicit ContrastNet(const LearnerSpec& spec) : EpisodeLearner(spec) {}

 protected:
  // Returns the support features [R, D] and their one-hot labels [R, ways].
  ParamList Fit(const MetaParams& meta, const at::Tensor& features, const Batch& support) const override;
  // For each class, the largest cosine with one of its support texts, divided by the temperature.
  at::Tensor Predict(const MetaParams& meta, const at::Tensor& features, const ParamList& fitted) const override;
  at::Tensor TrainingLoss(const MetaParams& meta, const at::Tensor& support, const at::Tensor& query,
                          const at::Tensor& query_logits, const Episode& episode) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_CONTRAST_NET_H_

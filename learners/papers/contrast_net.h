// ContrastNet (Chen et al. 2022): a supervised contrastive loss (eq. 3) draws features of the same class together and
// pushes those of other classes apart. A query gets the class of its nearest support text. The paper's two regularisers
// are left out: they need texts rewritten by another model.
#ifndef LEARNERS_PAPERS_CONTRAST_NET_H_
#define LEARNERS_PAPERS_CONTRAST_NET_H_

#include "learners/bases/episode_learner.h"

namespace metaprompt {

// −1/N Σ_i 1/|P_i| Σ_{j∈P_i} log( exp(s_ij) / Σ_{k≠i} exp(s_ik) ), where s = cosine / temperature and P_i are the other
// texts of i's class. A text that is alone in its class adds 0. features [N, D], labels [N]. A scalar, twice
// differentiable.
at::Tensor SupervisedContrastiveLoss(const at::Tensor& features, const at::Tensor& labels, double temperature);

class ContrastNet : public EpisodeLearner {
 public:
  explicit ContrastNet(const LearnerSpec& spec) : EpisodeLearner(spec) {}

 protected:
  // The support features [R, D] and their classes one-hot [R, ways].
  ParamList Fit(const MetaParams& meta, const at::Tensor& features, const Batch& support) const override;
  // For each class, the largest cosine with one of its support texts, over the temperature.
  at::Tensor Predict(const MetaParams& meta, const at::Tensor& features, const ParamList& fitted) const override;
  at::Tensor TrainingLoss(const MetaParams& meta, const at::Tensor& support, const at::Tensor& query,
                          const at::Tensor& query_logits, const Episode& episode) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_CONTRAST_NET_H_

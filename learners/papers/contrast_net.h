// ContrastNet (Chen et al. 2022): features of one class are drawn together and of others pushed apart by a supervised
// contrastive loss (eq. 3); a query has the class of its nearest support text. Without the paper's two regularisers,
// which need texts rewritten by another model.
#ifndef LEARNERS_PAPERS_CONTRAST_NET_H_
#define LEARNERS_PAPERS_CONTRAST_NET_H_

#include "learners/bases/episode_learner.h"

namespace metaprompt {

// −1/N Σ_i 1/(same class as i, but i) Σ_j log( exp(s_ij) / Σ_{k≠i} exp(s_ik) ), s = cosine / temperature; texts that
// are alone in their class are left out. features [N, D], labels [N]. A scalar, twice differentiable.
at::Tensor SupervisedContrastiveLoss(const at::Tensor& features, const at::Tensor& labels, double temperature);

class ContrastNet : public EpisodeLearner {
 public:
  explicit ContrastNet(const LearnerSpec& spec) : EpisodeLearner(spec) {}

 protected:
  // The support features [R, D] and their classes one-hot [R, ways].
  ParamList Fit(const ParamList& meta, const at::Tensor& features, const Batch& support) const override;
  // The largest cosine with a support text of the class, over the temperature.
  at::Tensor Predict(const ParamList& meta, const at::Tensor& features, const ParamList& fitted) const override;
  at::Tensor TrainingLoss(const ParamList& meta, const at::Tensor& support, const at::Tensor& query,
                          const at::Tensor& query_logits, const Episode& episode) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_CONTRAST_NET_H_

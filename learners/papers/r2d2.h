// R2D2 (Bertinetto et al. 2019): the classifier of a task is a ridge regression on the support features, computed in
// closed form (eq. 4 and 6). The ridge penalty, a scale and an offset are meta-learned.
#ifndef LEARNERS_PAPERS_R2D2_H_
#define LEARNERS_PAPERS_R2D2_H_

#include "learners/bases/episode_learner.h"

namespace metaprompt {

class R2d2 : public EpisodeLearner {
 public:
  explicit R2d2(const LearnerSpec& spec) : EpisodeLearner(spec) {}

  // `r2d2.log_lambda` [1], `r2d2.log_scale` [1] and `r2d2.offset` [1].
  std::vector<ParamInfo> OwnParams(const Model& model) const override;
  ParamList InitOwn(const Model& model, uint64_t seed) const override;

 protected:
  // Returns W = Xᵀ (X Xᵀ + λ I)⁻¹ Y, [D, ways]. The linear system has one equation per row of the support set.
  ParamList Fit(const MetaParams& meta, const at::Tensor& features, const Batch& support) const override;
  at::Tensor Predict(const MetaParams& meta, const at::Tensor& features, const ParamList& fitted) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_R2D2_H_

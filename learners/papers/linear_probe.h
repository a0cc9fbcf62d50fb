// A linear classifier on the features of an encoder that stays as it is: ordinary transfer learning, the baseline that
// meta-learning is compared with. Multinomial logistic regression with an L2 penalty, to its one minimum.
#ifndef LEARNERS_PAPERS_LINEAR_PROBE_H_
#define LEARNERS_PAPERS_LINEAR_PROBE_H_

#include "learners/learner.h"

namespace metaprompt {

// Weights [D, ways] of the minimum of mean cross-entropy(X W) + l2/2 |W|² by Newton's method, without a graph. As a
// function of the R features it has a solution W = Xᵀ A with A [R, ways], of R ways unknowns instead of D ways.
at::Tensor LogisticRegression(const at::Tensor& features, const at::Tensor& labels, int64_t ways, double l2, int steps);

class LinearProbe : public Learner {
 public:
  explicit LinearProbe(const LearnerSpec& spec) : spec_(spec) {}

  ParamList Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  at::Tensor Logits(const Model& model, const ParamList& adapted, const Batch& query) const override;

  // No gradients: nothing is meta-learned. Loss and accuracy are those of the query set.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_LINEAR_PROBE_H_

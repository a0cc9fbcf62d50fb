// LinearProbe: a linear classifier on the features of a frozen encoder. This is ordinary transfer learning, the
// baseline for meta-learning. The classifier is a multinomial logistic regression with an L2 penalty, which has only
// one minimum.
#ifndef LEARNERS_PAPERS_LINEAR_PROBE_H_
#define LEARNERS_PAPERS_LINEAR_PROBE_H_

#include "learners/bases/untrained_learner.h"

namespace metaprompt {

// The weights W [D, ways] that minimise the mean cross-entropy of X W plus l2/2 |W|², where X are the features [R, D].
// Computed without a graph, by at most `steps` steps of Newton's method. The solution has the form W = Xᵀ A with A [R,
// ways], so there are R · ways unknowns instead of D · ways.
at::Tensor LogisticRegression(const at::Tensor& features, const at::Tensor& labels, int64_t ways, double l2, int steps);

class LinearProbe : public UntrainedLearner {
 public:
  explicit LinearProbe(const LearnerSpec& spec) : spec_(spec) {}

  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const override;

  double AdaptBytes(const Model& model, const Batch& support) const override;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_LINEAR_PROBE_H_

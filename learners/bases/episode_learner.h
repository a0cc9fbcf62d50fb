// EpisodeLearner: the base class of learners without inner steps, such as prototypical networks and ridge regression.
// The class logits of a query are a function of its features and of the support set's features, which is differentiable
// with respect to the meta-parameters.
#ifndef LEARNERS_BASES_EPISODE_LEARNER_H_
#define LEARNERS_BASES_EPISODE_LEARNER_H_

#include "learners/learner.h"

namespace metaprompt {

class EpisodeLearner : public Learner {
 public:
  explicit EpisodeLearner(const LearnerSpec& spec) : spec_(spec) {}

  // Returns the meta-parameters unchanged, with the result of Fit as `fitted`.
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const override;

  // The exact gradient ∇_θ TrainingLoss. There are no steps to unroll.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

 protected:
  const LearnerSpec& spec() const { return spec_; }

  // Computes what Predict needs of a support set with features [R, D], such as prototypes or weights.
  virtual ParamList Fit(const MetaParams& meta, const at::Tensor& features, const Batch& support) const = 0;

  // Class logits [R, ways] of query features [R, D]. `fitted` is what Fit returned.
  virtual at::Tensor Predict(const MetaParams& meta, const at::Tensor& features, const ParamList& fitted) const = 0;

  // What meta-training minimises: by default the cross-entropy of `query_logits`. `support` and `query` are features.
  virtual at::Tensor TrainingLoss(const MetaParams& meta, const at::Tensor& support, const at::Tensor& query,
                                  const at::Tensor& query_logits, const Episode& episode) const;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_BASES_EPISODE_LEARNER_H_

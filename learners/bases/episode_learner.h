// The base of learners without inner steps: the class logits of a query are a function of its features and the support
// set's, differentiable in the meta-parameters. Prototypical networks and ridge regression are examples.
#ifndef LEARNERS_BASES_EPISODE_LEARNER_H_
#define LEARNERS_BASES_EPISODE_LEARNER_H_

#include "learners/learner.h"

namespace metaprompt {

class EpisodeLearner : public Learner {
 public:
  explicit EpisodeLearner(const LearnerSpec& spec) : spec_(spec) {}

  // The meta-parameters as they are, and what Fit returns as `fitted`.
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const override;

  // ∇_θ L(Predict(θ, query, Fit(θ, support))), exactly: there are no steps to unroll.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

 protected:
  const LearnerSpec& spec() const { return spec_; }

  // What is kept of a support set with features [R, D], such as prototypes or weights.
  virtual ParamList Fit(const MetaParams& meta, const at::Tensor& features, const Batch& support) const = 0;

  // Class logits [B, ways] of query features [B, D]. `fitted`: what Fit returned.
  virtual at::Tensor Predict(const MetaParams& meta, const at::Tensor& features, const ParamList& fitted) const = 0;

  // What meta-training minimises: by default the cross-entropy of the query set's logits. `support` and `query` are
  // features.
  virtual at::Tensor TrainingLoss(const MetaParams& meta, const at::Tensor& support, const at::Tensor& query,
                                  const at::Tensor& query_logits, const Episode& episode) const;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_BASES_EPISODE_LEARNER_H_

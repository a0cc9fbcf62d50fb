// In-context learning (Brown et al. 2020, "Language models are few-shot learners"): the support texts with their
// answers precede each query text, and the model continues the sequence with an answer. Nothing is trained.
#ifndef LEARNERS_PAPERS_IN_CONTEXT_H_
#define LEARNERS_PAPERS_IN_CONTEXT_H_

#include "learners/bases/untrained_learner.h"

namespace metaprompt {

// For texts and models that score answers as sequences (VerbalizerSpec.SEQUENCE). The support texts must leave room for
// a query text in the model's positions.
class InContext : public UntrainedLearner {
 public:
  explicit InContext(const LearnerSpec& /*spec*/) {}

  // Returns the model's parameters unchanged. `fitted` is the context [C] int64: each support text, its answer and the
  // separator (Answers), one example after another. The order of the examples is random and depends on Batch::seed.
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  // Computes the context again for each input of AnswerPaths, one or more per text. About 4,096 tokens are computed at
  // a time.
  at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_IN_CONTEXT_H_

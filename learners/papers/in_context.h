// In-context learning (Brown et al. 2020, "Language models are few-shot learners"): the support texts with their
// answers stand before each query text, and the model goes on. Nothing is trained.
#ifndef LEARNERS_PAPERS_IN_CONTEXT_H_
#define LEARNERS_PAPERS_IN_CONTEXT_H_

#include "learners/bases/untrained_learner.h"

namespace metaprompt {

// For texts and models that score answers as sequences (VerbalizerSpec.SEQUENCE). The support texts must leave room for
// a query text in the model's positions.
class InContext : public UntrainedLearner {
 public:
  explicit InContext(const LearnerSpec& /*spec*/) {}

  // The parameters as they are. `fitted`: the context [C] int64, which is each support text, its answer and the
  // separator (Answers), one after another. Their order is random and follows from Batch::seed.
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  // The context is read again for each text and each beginning of an answer (AnswerPaths), about 4,096 tokens at once.
  at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const override;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_IN_CONTEXT_H_

// MetaPrompter (Jiang et al. 2023): the prompt of each text is a mixture of the prompts of a pool, with weights from
// attention. Only the pool is meta-learned and adapts. Part of the class probability comes from a representative
// verbalizer (RepVerb): the cosine of a text's feature with each class's mean support feature, both computed with the
// adapted prompts.
#ifndef LEARNERS_PAPERS_META_PROMPTER_H_
#define LEARNERS_PAPERS_META_PROMPTER_H_

#include <cstdint>
#include <vector>

#include "learners/inner/unroll.h"
#include "learners/learner.h"

namespace metaprompt {

class MetaPrompter : public Learner {
 public:
  explicit MetaPrompter(const LearnerSpec& spec) : spec_(spec) {}

  // `pool.keys` [pool, D] and `pool.prompts` [pool, S, E].
  std::vector<ParamInfo> OwnParams(const Model& model) const override;
  ParamList InitOwn(const Model& model, uint64_t seed) const override;

  // Returns the adapted pool as `own`, and the classes' mean support features [ways, D] as `fitted`.
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  at::Tensor Logits(const Model& model, const AdaptedParams& adapted, const Batch& query) const override;

  // The exact meta-gradient with respect to the pool, as in MAML. The gradients with respect to the model's parameters
  // are undefined.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

  double AdaptBytes(const Model& model, const Batch& support) const override;

 private:
  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_META_PROMPTER_H_

// MetaPrompter (Jiang et al. 2023): prompts of a text are mixed from a pool by attention, the pool alone is
// meta-learned and adapts, and half of the class probability comes from a representative verbalizer (RepVerb): the
// cosine with the classes' mean support features under the adapted prompts.
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

  // The meta-parameters with the adapted pool, and behind them the classes' mean support features [ways, D].
  ParamList Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;
  at::Tensor Logits(const Model& model, const ParamList& adapted, const Batch& query) const override;

  // MAML's, exact, in the pool; the encoder stays as it is.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

 private:
  TaskStart Start(const Model& model, const ParamList& meta, const InnerSpec& inner) const;

  LearnerSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_META_PROMPTER_H_

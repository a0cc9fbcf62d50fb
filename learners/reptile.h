// Reptile (Nichol et al. 2018, algorithm 2): move towards where descent ends.
#ifndef LEARNERS_REPTILE_H_
#define LEARNERS_REPTILE_H_

#include <cstdint>

#include "learners/inner_loop.h"
#include "learners/learner.h"

namespace metaprompt {

class Reptile : public Learner {
 public:
  explicit Reptile(const ReptileSpec& spec) : spec_(spec) {}

  ParamList Adapt(const Model& model, const ParamList& meta, const Batch& support) const override;

  // θ − θ_K, K steps of descent on the support texts, or on support and query texts by turns (train_on_query). The loss
  // and accuracy that it reports are those of the last step's texts before that step: Reptile needs no others.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override;

 private:
  InnerRateSpec rates() const;

  ReptileSpec spec_;
};

}  // namespace metaprompt

#endif  // LEARNERS_REPTILE_H_

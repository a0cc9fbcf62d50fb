// UntrainedLearner: the base class of learners that meta-learn nothing, such as a linear probe.
#ifndef LEARNERS_BASES_UNTRAINED_LEARNER_H_
#define LEARNERS_BASES_UNTRAINED_LEARNER_H_

#include <cstdint>

#include "learners/learner.h"

namespace metaprompt {

class UntrainedLearner : public Learner {
 public:
  // All gradients are undefined. Loss and accuracy are computed on the query set.
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const final;
};

}  // namespace metaprompt

#endif  // LEARNERS_BASES_UNTRAINED_LEARNER_H_

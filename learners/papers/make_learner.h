// Makes the learner that a spec names.
#ifndef LEARNERS_PAPERS_MAKE_LEARNER_H_
#define LEARNERS_PAPERS_MAKE_LEARNER_H_

#include <memory>

#include "learners/learner.h"
#include "learners/learner.pb.h"

namespace metaprompt {

// The learner that the spec names. The spec must have passed its rules and CheckLearner.
std::unique_ptr<Learner> MakeLearner(const LearnerSpec& spec);

}  // namespace metaprompt

#endif  // LEARNERS_PAPERS_MAKE_LEARNER_H_

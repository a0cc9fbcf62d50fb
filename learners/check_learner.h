// Which settings of a LearnerSpec a learner heeds. One that it would ignore is an error, not a surprise.
#ifndef LEARNERS_CHECK_LEARNER_H_
#define LEARNERS_CHECK_LEARNER_H_

#include <string>
#include <vector>

#include "learners/learner.pb.h"

namespace metaprompt {

// Every setting that the learner does not heed, or that it can do nothing without, one line each: `learner.inner is
// set; learner.proto_net has no inner steps`. Empty: all is well.
std::vector<std::string> CheckLearner(const LearnerSpec& spec);

// Makes the groups that the learner heeds and the spec leaves out, so that a record shows their defaults.
void AddGroups(LearnerSpec* spec);

}  // namespace metaprompt

#endif  // LEARNERS_CHECK_LEARNER_H_

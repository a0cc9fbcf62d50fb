// Which settings of a LearnerSpec the learner heeds. A setting that it would ignore is an error.
#ifndef LEARNERS_CHECK_LEARNER_H_
#define LEARNERS_CHECK_LEARNER_H_

#include <string>
#include <vector>

#include "learners/learner.pb.h"

namespace metaprompt {

// One line for each setting that the learner does not heed, or without which it can do nothing: `learner.inner is set;
// learner.proto_net has no inner steps`. Also a line if the learner's message lacks its facts (learner_facts.h). Empty:
// the spec is right.
std::vector<std::string> CheckLearner(const LearnerSpec& spec);

// Adds each group that the learner heeds and the spec leaves out, so that a record shows its defaults.
void AddGroups(LearnerSpec* spec);

}  // namespace metaprompt

#endif  // LEARNERS_CHECK_LEARNER_H_

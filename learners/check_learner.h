// Checks that the learner uses every setting of its LearnerSpec. A setting that the learner would ignore is an error.
#ifndef LEARNERS_CHECK_LEARNER_H_
#define LEARNERS_CHECK_LEARNER_H_

#include <string>
#include <vector>

#include "learners/learner.pb.h"

namespace metaprompt {

// One line for each setting that is wrong, in particular for each that the learner would ignore, such as `learner.inner
// is set; learner.proto_net has no inner steps`. Also a line if the learner's message lacks its facts
// (learner_facts.h). Empty: the spec is correct.
std::vector<std::string> CheckLearner(const LearnerSpec& spec);

// Adds each group of settings that the learner uses and the spec leaves out, so that a record shows its default values.
void AddGroups(LearnerSpec* spec);

}  // namespace metaprompt

#endif  // LEARNERS_CHECK_LEARNER_H_

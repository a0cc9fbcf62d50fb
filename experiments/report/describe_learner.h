// Describes in a few words what a learner adapts, for tables.
#ifndef EXPERIMENTS_REPORT_DESCRIBE_LEARNER_H_
#define EXPERIMENTS_REPORT_DESCRIBE_LEARNER_H_

#include <string>

#include "learners/learner.pb.h"
#include "metaprompt/model/model.pb.h"

namespace metaprompt {

// The parts of the model that adaptation to a support set changes at meta-test: "encoder, soft prompt", "class
// vectors", "prototypes". Follows from the learner's facts (learners/learner_facts.h) and its settings.
std::string WhatAdapts(const LearnerSpec& learner, const ModelSpec& model);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_DESCRIBE_LEARNER_H_

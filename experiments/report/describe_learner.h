// A learner in a few words, for tables.
#ifndef EXPERIMENTS_REPORT_DESCRIBE_LEARNER_H_
#define EXPERIMENTS_REPORT_DESCRIBE_LEARNER_H_

#include <string>

#include "learners/learner.pb.h"
#include "metaprompt/model/model.pb.h"

namespace metaprompt {

// The name of its field: "maml", "proto_net".
std::string LearnerName(const LearnerSpec& learner);

// What a support set changes at meta-test: "encoder, soft prompt", "class vectors", "prototypes".
std::string WhatAdapts(const LearnerSpec& learner, const ModelSpec& model);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_DESCRIBE_LEARNER_H_

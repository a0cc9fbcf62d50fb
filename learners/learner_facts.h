// Which learner a spec names, and what is true of that learner. The facts stand in the learner's message, as the option
// `facts` (learner_facts.proto), and are read here by reflection.
#ifndef LEARNERS_LEARNER_FACTS_H_
#define LEARNERS_LEARNER_FACTS_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "learners/learner.pb.h"
#include "learners/learner_facts.pb.h"

namespace metaprompt {

// Every learner, as its field in LearnerSpec's oneof, in the order of the file. The field's name is the learner's.
std::vector<const google::protobuf::FieldDescriptor*> AllLearners();

// The learner that the spec names; null if it names none.
const google::protobuf::FieldDescriptor* LearnerOf(const LearnerSpec& spec);

// The learner's name: "maml", "proto_net". Empty if the spec names none.
std::string LearnerName(const LearnerSpec& spec);

// The learner's facts. Without the option, or without a learner, the defaults: nothing is true.
const LearnerFacts& FactsOf(const google::protobuf::FieldDescriptor& learner);
const LearnerFacts& FactsOf(const LearnerSpec& spec);

// What the learner's message lacks of its facts, as one line that says what to add. Empty: nothing.
std::string MissingFacts(const google::protobuf::FieldDescriptor& learner);

// Whether the learner heeds this group of settings.
bool Heeds(const LearnerSpec& spec, LearnerFacts::Group group);

// The name of the group's field in LearnerSpec: "meta_gradient".
std::string GroupName(LearnerFacts::Group group);

// Which of the model's parameters the inner steps change: the learner's own scope if it has one, else learner.adapts.
const ScopeSpec& AdaptedScope(const LearnerSpec& spec);

}  // namespace metaprompt

#endif  // LEARNERS_LEARNER_FACTS_H_

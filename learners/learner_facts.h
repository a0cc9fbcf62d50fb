// Which learner a spec names, and the facts about that learner. The facts are an option of the learner's message in
// learner.proto (see learner_facts.proto). They are read here by reflection.
#ifndef LEARNERS_LEARNER_FACTS_H_
#define LEARNERS_LEARNER_FACTS_H_

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "learners/learner.pb.h"
#include "learners/learner_facts.pb.h"

namespace metaprompt {

// All learners, as the fields of LearnerSpec's oneof, in the order of learner.proto. The field's name is the learner's
// name.
std::vector<const google::protobuf::FieldDescriptor*> AllLearners();

// The learner that the spec names; null if it names none.
const google::protobuf::FieldDescriptor* LearnerOf(const LearnerSpec& spec);

// The learner's name: "maml", "proto_net". Empty if the spec names none.
std::string LearnerName(const LearnerSpec& spec);

// The learner's facts. If the message has no facts, or the spec names no learner, every fact is unset.
const LearnerFacts& FactsOf(const google::protobuf::FieldDescriptor& learner);
const LearnerFacts& FactsOf(const LearnerSpec& spec);

// What is missing or wrong in the facts of the learner's message, as a line that says what to change. Empty: nothing.
std::string MissingFacts(const google::protobuf::FieldDescriptor& learner);

// Whether the learner uses this group of settings.
bool Heeds(const LearnerSpec& spec, LearnerFacts::Group group);

// The name of the group's field in LearnerSpec, such as "meta_gradient".
std::string GroupName(LearnerFacts::Group group);

// Which of the model's parameters the inner steps change: the scope among the learner's facts if there is one,
// otherwise learner.adapts.
const ScopeSpec& AdaptedScope(const LearnerSpec& spec);

}  // namespace metaprompt

#endif  // LEARNERS_LEARNER_FACTS_H_

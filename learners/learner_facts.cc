#include "learners/learner_facts.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace metaprompt {
namespace {

const google::protobuf::OneofDescriptor& Learners() { return *LearnerSpec::descriptor()->FindOneofByName("kind"); }

bool HasGroup(const LearnerFacts& facts_of_learner, LearnerFacts::Group group) {
  const auto& heeds = facts_of_learner.heeds();
  return std::find(heeds.begin(), heeds.end(), group) != heeds.end();
}

}  // namespace

std::vector<const google::protobuf::FieldDescriptor*> AllLearners() {
  std::vector<const google::protobuf::FieldDescriptor*> learners;
  for (int i = 0; i < Learners().field_count(); ++i) {
    learners.push_back(Learners().field(i));
  }
  return learners;
}

const google::protobuf::FieldDescriptor* LearnerOf(const LearnerSpec& spec) {
  return spec.GetReflection()->GetOneofFieldDescriptor(spec, &Learners());
}

std::string LearnerName(const LearnerSpec& spec) {
  const google::protobuf::FieldDescriptor* learner = LearnerOf(spec);
  return learner == nullptr ? "" : learner->name();
}

const LearnerFacts& FactsOf(const google::protobuf::FieldDescriptor& learner) {
  return learner.message_type()->options().GetExtension(facts);
}

const LearnerFacts& FactsOf(const LearnerSpec& spec) {
  const google::protobuf::FieldDescriptor* learner = LearnerOf(spec);
  return learner == nullptr ? LearnerFacts::default_instance() : FactsOf(*learner);
}

std::string MissingFacts(const google::protobuf::FieldDescriptor& learner) {
  const google::protobuf::Descriptor& message = *learner.message_type();
  const std::string where = absl::StrCat(message.file()->name(), ": message ", message.name());
  if (!message.options().HasExtension(facts)) {
    return absl::StrCat(where, " has no facts; add `option (facts) = { ... };`, see learners/learner_facts.proto");
  }
  const LearnerFacts& own = FactsOf(learner);
  const bool by_spec = HasGroup(own, LearnerFacts::ADAPTS);
  if (by_spec && own.changes_case() != LearnerFacts::CHANGES_NOT_SET) {
    return absl::StrCat(where, " heeds ADAPTS and has a fixed answer to what it adapts; remove one from its facts");
  }
  if (!by_spec && own.changes_case() == LearnerFacts::CHANGES_NOT_SET) {
    return absl::StrCat(where, " lacks what a support set changes; add to its facts `heeds: ADAPTS`, ",
                        "`scope { part: ... }` or `adapted: \"...\"`, see learners/learner_facts.proto");
  }
  if (own.changes_case() == LearnerFacts::kAdapted && own.adapted().empty()) {
    return absl::StrCat(where, " has an empty `adapted`; name what a support set changes in a few words");
  }
  if (own.trains_nothing() && HasGroup(own, LearnerFacts::LEARNS)) {
    return absl::StrCat(where, " trains_nothing and heeds LEARNS; remove one from its facts");
  }
  return "";
}

bool Heeds(const LearnerSpec& spec, LearnerFacts::Group group) { return HasGroup(FactsOf(spec), group); }

std::string GroupName(LearnerFacts::Group group) { return absl::AsciiStrToLower(LearnerFacts::Group_Name(group)); }

const ScopeSpec& AdaptedScope(const LearnerSpec& spec) {
  const LearnerFacts& own = FactsOf(spec);
  return own.has_scope() ? own.scope() : spec.adapts();
}

}  // namespace metaprompt

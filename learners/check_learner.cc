#include "learners/check_learner.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"
#include "learners/learner_facts.h"

namespace metaprompt {

std::vector<std::string> CheckLearner(const LearnerSpec& spec) {
  std::vector<std::string> broken;
  const google::protobuf::FieldDescriptor* learner = LearnerOf(spec);
  if (learner == nullptr) {
    return broken;
  }
  if (const std::string missing = MissingFacts(*learner); !missing.empty()) {
    broken.push_back(missing);
  }
  const auto check = [&](bool set, LearnerFacts::Group group, const std::string& field, const char* why) {
    if (set && !Heeds(spec, group)) {
      broken.push_back(absl::StrCat("learner.", field, " is set; learner.", learner->name(), " ", why));
    }
  };
  const bool steps = Heeds(spec, LearnerFacts::INNER);
  check(spec.has_inner(), LearnerFacts::INNER, "inner", "has no inner steps");
  check(spec.has_meta_test(), LearnerFacts::INNER, "meta_test", "has no inner steps");
  check(spec.has_adapts(), LearnerFacts::ADAPTS, "adapts",
        steps ? "has what it adapts in its definition" : "has no inner steps");
  check(spec.has_learns(), LearnerFacts::LEARNS, "learns", "leaves the model as it is");
  check(spec.has_meta_gradient(), LearnerFacts::META_GRADIENT, "meta_gradient", "does not differentiate inner steps");
  const LearnerFacts& own = FactsOf(*learner);
  if (own.one_loss() && (spec.inner().batch() > 0 || spec.meta_test().inner().batch() > 0)) {
    broken.push_back(absl::StrCat("learner.inner.batch is set; learner.", learner->name(),
                                  " needs the same loss in every inner step"));
  }
  if (spec.inner().epsilon_place() == InnerSpec::OUTSIDE) {
    broken.push_back(
        "learner.inner.epsilon_place is OUTSIDE; only learner.meta_test.inner may have it, whose steps are not "
        "differentiated");
  }
  if (spec.meta_test().epochs() > 0 && spec.meta_test().inner().batch() > 0) {
    broken.push_back("learner.meta_test.inner.batch is set; with learner.meta_test.epochs it is meta_test.batch");
  }
  if (own.has_scope() && own.scope().part() == ScopeSpec::NONE && spec.inner().class_lr() == 0) {
    broken.push_back(absl::StrCat("learner.inner.class_lr is 0; learner.", learner->name(),
                                  " adapts the class vectors alone: it must be above 0"));
  }
  return broken;
}

void AddGroups(LearnerSpec* spec) {
  const google::protobuf::Descriptor& fields = *LearnerSpec::descriptor();
  for (const int group : FactsOf(*spec).heeds()) {
    const std::string name = GroupName(static_cast<LearnerFacts::Group>(group));
    spec->GetReflection()->MutableMessage(spec, fields.FindFieldByName(name));
  }
  spec->mutable_meta_optimizer();
}

}  // namespace metaprompt

#include "learners/check_learner.h"

#include "absl/strings/str_cat.h"
#include "google/protobuf/descriptor.h"

namespace metaprompt {
namespace {

struct Heeds {
  bool inner = true;  // and meta_test
  bool adapts = true;
  bool learns = true;
  bool meta_gradient = true;
};

// A learner that is not named here heeds all of them.
Heeds HeedsOf(LearnerSpec::KindCase kind) {
  Heeds heeds;
  switch (kind) {
    case LearnerSpec::kProtoNet:
    case LearnerSpec::kR2D2:
    case LearnerSpec::kContrastNet:
      heeds.inner = heeds.adapts = heeds.meta_gradient = false;
      break;
    case LearnerSpec::kLinearProbe:
      heeds.inner = heeds.adapts = heeds.learns = heeds.meta_gradient = false;
      break;
    case LearnerSpec::kMetaPrompter:
      heeds.adapts = heeds.learns = false;
      break;
    case LearnerSpec::kAnil:
    case LearnerSpec::kCavia:
      heeds.adapts = false;
      break;
    case LearnerSpec::kReptile:
    case LearnerSpec::kImaml:
      heeds.meta_gradient = false;
      break;
    default:
      break;
  }
  return heeds;
}

}  // namespace

std::vector<std::string> CheckLearner(const LearnerSpec& spec) {
  std::vector<std::string> broken;
  const google::protobuf::OneofDescriptor& kinds = *LearnerSpec::descriptor()->FindOneofByName("kind");
  const google::protobuf::FieldDescriptor* kind = spec.GetReflection()->GetOneofFieldDescriptor(spec, &kinds);
  if (kind == nullptr) {
    return broken;
  }
  const Heeds heeds = HeedsOf(spec.kind_case());
  const auto check = [&](bool set, bool heeded, const char* field, const char* why) {
    if (set && !heeded) {
      broken.push_back(absl::StrCat("learner.", field, " is set; learner.", kind->name(), " ", why));
    }
  };
  check(spec.has_inner(), heeds.inner, "inner", "has no inner steps");
  check(spec.has_meta_test(), heeds.inner, "meta_test", "has no inner steps");
  check(spec.has_adapts(), heeds.adapts, "adapts",
        heeds.inner ? "has what it adapts in its definition" : "has no inner steps");
  check(spec.has_learns(), heeds.learns, "learns", "leaves the model as it is");
  check(spec.has_meta_gradient(), heeds.meta_gradient, "meta_gradient", "does not differentiate inner steps");
  if (spec.has_anil() && spec.inner().class_lr() == 0) {
    broken.emplace_back("learner.inner.class_lr is 0; learner.anil adapts the class vectors alone: it must be above 0");
  }
  return broken;
}

void AddGroups(LearnerSpec* spec) {
  const Heeds heeds = HeedsOf(spec->kind_case());
  if (heeds.inner) {
    spec->mutable_inner();
  }
  if (heeds.adapts) {
    spec->mutable_adapts();
  }
  if (heeds.learns) {
    spec->mutable_learns();
  }
  if (heeds.meta_gradient) {
    spec->mutable_meta_gradient();
  }
  spec->mutable_meta_optimizer();
}

}  // namespace metaprompt

// The facts of learners: which facts each learner must have, and what follows from them for a spec.
#include "learners/learner_facts.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "learners/check_learner.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

LearnerSpec Parse(const std::string& text) {
  LearnerSpec spec;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &spec)) << text;
  return spec;
}

// What MissingFacts returns for a learner whose message has these facts; null: no facts.
std::string Missing(const LearnerFacts* facts_of_learner) {
  google::protobuf::FileDescriptorProto file;
  file.set_name("new.proto");
  file.add_dependency("learners/learner_facts.proto");
  google::protobuf::DescriptorProto& learner = *file.add_message_type();
  learner.set_name("NewSpec");
  if (facts_of_learner != nullptr) {
    *learner.mutable_options()->MutableExtension(facts) = *facts_of_learner;
  }
  google::protobuf::DescriptorProto& learners = *file.add_message_type();
  learners.set_name("Learners");
  google::protobuf::FieldDescriptorProto& field = *learners.add_field();
  field.set_name("new_learner");
  field.set_number(1);
  field.set_label(google::protobuf::FieldDescriptorProto::LABEL_OPTIONAL);
  field.set_type_name("NewSpec");
  google::protobuf::DescriptorPool pool(google::protobuf::DescriptorPool::generated_pool());
  return MissingFacts(*pool.BuildFile(file)->message_type(1)->field(0));
}

TEST(LearnerFactsTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(Missing(nullptr),
            "new.proto: message NewSpec has no facts; add `option (facts) = { ... };`, see "
            "learners/learner_facts.proto");
  LearnerFacts some;
  some.add_heeds(LearnerFacts::LEARNS);
  EXPECT_THAT(Missing(&some), HasSubstr("message NewSpec lacks what a support set changes; add to its facts `heeds: "
                                        "ADAPTS`, `scope { part: ... }` or `adapted: \"...\"`"));
  some.set_adapted("");
  EXPECT_THAT(Missing(&some), HasSubstr("has an empty `adapted`"));
  some.set_adapted("prototypes");
  EXPECT_EQ(Missing(&some), "");
  some.set_trains_nothing(true);
  EXPECT_THAT(Missing(&some), HasSubstr("trains_nothing and heeds LEARNS"));
  some.set_trains_nothing(false);
  some.add_heeds(LearnerFacts::ADAPTS);
  EXPECT_THAT(Missing(&some), HasSubstr("heeds ADAPTS and has a fixed answer"));
}

TEST(LearnerFactsTest, GroupsAreFieldsOfTheSpec) {
  for (int group = LearnerFacts::Group_MIN; group <= LearnerFacts::Group_MAX; ++group) {
    const std::string name = GroupName(static_cast<LearnerFacts::Group>(group));
    EXPECT_NE(LearnerSpec::descriptor()->FindFieldByName(name), nullptr) << name;
  }
}

TEST(LearnerFactsTest, ASpecWithoutALearnerHasNone) {
  EXPECT_EQ(LearnerName(LearnerSpec()), "");
  EXPECT_EQ(FactsOf(LearnerSpec()).changes_case(), LearnerFacts::CHANGES_NOT_SET);
  EXPECT_THAT(CheckLearner(LearnerSpec()), IsEmpty());
}

TEST(LearnerFactsTest, TheScopeIsTheLearnersOwnOrTheSpecs) {
  EXPECT_EQ(AdaptedScope(Parse("maml {} adapts { part: BIASES }")).part(), ScopeSpec::BIASES);
  EXPECT_EQ(AdaptedScope(Parse("cavia {} adapts { part: BIASES }")).part(), ScopeSpec::VECTORS);
}

TEST(CheckLearnerTest, SettingsThatAreNotHeededAreErrors) {
  EXPECT_THAT(CheckLearner(Parse("r2d2 {} inner {} meta_test {} adapts {} learns {} meta_gradient {}")),
              ElementsAre("learner.inner is set; learner.r2d2 has no inner steps",
                          "learner.meta_test is set; learner.r2d2 has no inner steps",
                          "learner.adapts is set; learner.r2d2 has no inner steps",
                          "learner.meta_gradient is set; learner.r2d2 does not differentiate inner steps"));
  EXPECT_THAT(CheckLearner(Parse("meta_prompter {} inner {} adapts {} learns {} meta_gradient {}")),
              ElementsAre("learner.adapts is set; learner.meta_prompter has what it adapts in its definition",
                          "learner.learns is set; learner.meta_prompter leaves the model as it is"));
  EXPECT_THAT(CheckLearner(Parse("maml {} inner {} meta_test {} adapts {} learns {} meta_gradient {}")), IsEmpty());
}

TEST(CheckLearnerTest, AnilNeedsAStepSizeForItsClassVectors) {
  EXPECT_THAT(
      CheckLearner(Parse("anil {}")),
      ElementsAre("learner.inner.class_lr is 0; learner.anil adapts the class vectors alone: it must be above 0"));
  EXPECT_THAT(CheckLearner(Parse("anil {} inner { class_lr: 0.1 }")), IsEmpty());
}

TEST(CheckLearnerTest, GroupsThatAreHeededAreAdded) {
  LearnerSpec spec = Parse("cavia {}");
  AddGroups(&spec);
  EXPECT_TRUE(spec.has_inner() && spec.has_learns() && spec.has_meta_gradient() && spec.has_meta_optimizer());
  EXPECT_FALSE(spec.has_adapts() || spec.has_meta_test());
}

}  // namespace
}  // namespace metaprompt

// Adaptations that lead to numbers that are not finite: the commands name the step and the step sizes, and write
// nothing.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/workbench/param_file.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kDiverging[] = "learner.meta_test.inner={steps:30 encoder_lr:100 prompt_lr:100 class_lr:1000}";

TEST_F(CommandLineTest, MetaTestAndValidationSayWhichStepDiverges) {
  const std::vector<std::string> run = {"run", "$tiny.textproto", "--out", "$run", "--set", kDiverging};
  std::vector<std::string> test_alone = run;
  test_alone.insert(test_alone.end(), {"--set", "train.meta_steps=0"});
  const auto says = AllOf(HasSubstr("the logits of its query texts are not finite; everything is finite before step "),
                          HasSubstr(" of 30 on the support set, but not after it, with learner.meta_test.inner's "
                                    "encoder_lr 100, prompt_lr 100, class_lr 1000; smaller ones may help"));
  const std::string error = Error(test_alone);
  EXPECT_THAT(error, AllOf(StartsWith("1-shot meta-test, random, episode 0: "), says));
  EXPECT_FALSE(Exists("run.partial/test-1shot-random.tsv"));
  // With one step less than the one that it names, the episode is finite.
  const size_t at = error.find("before step ");
  ASSERT_NE(at, std::string::npos);
  const int step = std::stoi(error.substr(at + 12));
  std::vector<std::string> fewer = test_alone;
  std::replace(fewer.begin(), fewer.end(), std::string("$run"), std::string("$fewer"));
  fewer.insert(fewer.end(),
               {"--set", "test.episodes=2", "--set", absl::StrCat("learner.meta_test.inner.steps=", step - 1)});
  const Outcome finite = Command(fewer);
  EXPECT_THAT(finite.err, Not(HasSubstr("episode 0: "))) << step;
  std::filesystem::remove_all(folder_ + "run.partial");
  EXPECT_THAT(Error(run), AllOf(StartsWith("1-shot validation at meta-step 0, episode 0: "), says));
  EXPECT_FALSE(Exists("run"));
}

TEST_F(CommandLineTest, ParametersThatAreNotFiniteAreNamed) {
  TensorFile file;
  file.tensors = {{"a", at::ones({2, 2})}};
  file.tensors[0].second[1][0] = std::numeric_limits<float>::quiet_NaN();
  WriteBytes("params.safetensors", SafetensorsBytes(file));
  const std::vector<ParamInfo> infos = {{"a", {2, 2}}};
  EXPECT_EQ(ReadParamFile(infos, folder_ + "params.safetensors").status().message(),
            In("$params.safetensors: tensor 'a': 1 of 4 numbers are not finite; the first is number 3, nan"));
}

TEST_F(CommandLineTest, MetaTrainingSaysSinceWhen) {
  std::vector<std::string> run = RunHere();
  run.insert(run.end(),
             {"--set", "learner.inner.encoder_lr=100", "--set", "learner.inner.prompt_lr=100", "--set",
              "train.validate_after=100", "--set", "learner.inner.class_lr=1000", "--set", "learner.inner.steps=40"});
  EXPECT_THAT(Error(run), AllOf(StartsWith("meta-step 0: "), HasSubstr("the parameters are finite before the step")));
}

}  // namespace
}  // namespace metaprompt

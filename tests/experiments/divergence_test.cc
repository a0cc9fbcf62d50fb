// Adaptations that lead to numbers that are not finite: the commands name the step and the step sizes, and write
// nothing.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
using ::testing::StartsWith;

constexpr char kDiverging[] = "learner.meta_test.inner={steps:30 encoder_lr:100 prompt_lr:100 class_lr:1000}";

TEST_F(CommandLineTest, MetaTestAndValidationSayWhichStepDiverges) {
  const std::vector<std::string> run = {"run", "$tiny.textproto", "--out", "$run", "--set", kDiverging};
  std::vector<std::string> test_alone = run;
  test_alone.insert(test_alone.end(), {"--set", "train.meta_steps=0"});
  const auto says = AllOf(HasSubstr("the logits of its query texts are not finite; everything is finite before step "),
                          HasSubstr(" of 30 on the support set, but not after it, with learner.meta_test.inner's "
                                    "encoder_lr 100, prompt_lr 100, class_lr 1000; smaller ones may help"));
  EXPECT_THAT(Error(test_alone), AllOf(StartsWith("1-shot meta-test, random, episode 0: "), says));
  EXPECT_FALSE(Exists("run.partial/test-1shot-random.tsv"));
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

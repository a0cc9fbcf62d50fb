// A prompt whose soft vectors pass through a network, with prefixes: training, export, and other runs that start from
// it.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/result.pb.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/prompts/soft_prompt.h"
#include "tests/helpers/checkpoint_run_fixture.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

// The run that others start from is $deep.
class StartRunTest : public CheckpointRunTest {
 protected:
  void SetUp() override {
    CheckpointRunTest::SetUp();
    spec_ = Spec(std::string(kGoldens) + "bert");
    handed_ = absl::StrCat("model.prompt.init_from_run=", folder_, "deep");
    const Outcome run = Run("deep", Deep());
    ASSERT_EQ(run.status, 0) << run.err;
    best_ = *ParseSafetensors(Read("deep/best-2shot.safetensors"), "best");
  }

  static std::vector<std::string> Deep() {
    return {"model.prompt.reparametrisation=LSTM_MLP", "model.prompt.prefix_length=3", "model.prompt.init_words=topic",
            "learner.adapts.part=PROMPT", "tasks_together=2"};
  }

  Outcome Run(const std::string& out, const std::vector<std::string>& sets) const {
    std::vector<std::string> arguments = {"run", spec_, "--out", folder_ + out};
    for (const std::string& set : sets) {
      arguments.insert(arguments.end(), {"--set", set});
    }
    return Command(arguments);
  }

  // The error of a run without meta-steps.
  std::string Error(const std::vector<std::string>& sets) const {
    std::vector<std::string> with = {"train.meta_steps=0", "model.prompt.prefix_length=3"};
    with.insert(with.end(), sets.begin(), sets.end());
    const std::string err = Run("bad", with).err;
    const size_t at = err.find("error: ");
    return at == std::string::npos ? err : err.substr(at);
  }

  std::string spec_;
  std::string handed_;  // an assignment that takes the prompt of $deep
  TensorFile best_;
};

TEST_F(StartRunTest, WhatEntersTheEncoderIsExportedAndHandedOn) {
  ASSERT_EQ(Command({"export", folder_ + "deep", "--out", folder_ + "out"}).status, 0);
  const TensorFile prompt = *ParseSafetensors(Read("out/prompt.safetensors"), "prompt");
  const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(folder_ + "out", /*allow_unknown=*/false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const size_t layers = opened->encoder->layout().layers.size();
  EXPECT_EQ(prompt.tensors.size(), 1 + 2 * layers);
  PromptSpec parametrisation;
  parametrisation.set_reparametrisation(PromptSpec::LSTM_MLP);
  const SoftPrompt soft(parametrisation, 2, opened->encoder->config().embedding_width);
  ParamList own;
  for (const ParamInfo& info : soft.params()) {
    own.push_back(best_.Find(info.name));
  }
  EXPECT_TRUE(at::equal(prompt.Find("prompt.soft"), soft.Vectors(own)));
  EXPECT_FALSE(at::equal(prompt.Find("prompt.soft"), best_.Find("prompt.soft")));
  for (size_t i = 0; i < layers; ++i) {
    for (const char* what : {".key", ".value"}) {
      const std::string name = absl::StrCat("prompt.prefix.", i, what);
      EXPECT_EQ(prompt.Find(name).size(0), 3);
      EXPECT_TRUE(at::equal(prompt.Find(name), best_.Find(name))) << name;
    }
  }

  // A run with a plain prompt takes those vectors.
  const Outcome plain = Run("plain", {"train.meta_steps=0", handed_, "model.prompt.prefix_length=3"});
  ASSERT_EQ(plain.status, 0) << plain.err;
  const TensorFile alone = *ParseSafetensors(Read("plain/best-2shot.safetensors"), "best");
  for (const auto& [name, tensor] : prompt.tensors) {
    EXPECT_TRUE(at::equal(alone.Find(name), tensor)) << name;
  }
}

TEST_F(StartRunTest, TheWholeModelIsHandedOn) {
  // No step is taken, so the test uses the parameters that the run starts from.
  std::vector<std::string> sets = Deep();
  sets.insert(sets.end(), {"train.meta_steps=0", "model.prompt.init_words=", "learner.reptile=",
                           absl::StrCat("model.init_from_run=", folder_, "deep")});
  const Outcome again = Run("again", sets);
  ASSERT_EQ(again.status, 0) << again.err;
  const TensorFile taken = *ParseSafetensors(Read("again/best-2shot.safetensors"), "best");
  ASSERT_EQ(taken.tensors.size(), best_.tensors.size());
  for (const auto& [name, tensor] : best_.tensors) {
    EXPECT_TRUE(at::equal(taken.Find(name), tensor)) << name;
  }
  const RunRecord record = Record(Read("again/record.textproto"));
  ASSERT_EQ(record.model().starts_size(), 1);
  EXPECT_EQ(record.model().starts(0).field(), "model.init_from_run");
  EXPECT_EQ(record.model().starts(0).shots(), 2);
  EXPECT_EQ(record.model().starts(0).record_sha256(), Sha256(Read("deep/record.textproto")));
  EXPECT_EQ(record.model().starts(0).parameters_sha256(), Sha256(Read("deep/best-2shot.safetensors")));
  EXPECT_EQ(record.results(0).tests(0).initialisation(), "transferred");
}

TEST_F(StartRunTest, ErrorsNameFieldRunAndParameter) {
  EXPECT_EQ(Error({handed_, "episodes.shots=1"}),
            "error: model.prompt.init_from_run: $deep: the run has no 1-shot result; it has 2\n");
  EXPECT_EQ(Error({handed_, "model.prompt.template={text} <soft> {mask}"}),
            "error: model.prompt.init_from_run: $deep: its prompt.soft has shape [2, 16], this model's [1, 16]\n");
  EXPECT_EQ(Error({handed_, "model.prompt.prefix_length=0"}),
            "error: model.prompt.init_from_run: $deep: the run has prompt.prefix.0.key, which this model lacks\n");
  EXPECT_EQ(Error({handed_, "model.prompt.reparametrisation=MLP", "model.prompt.prefix_length=0"}),
            "error: model.prompt.init_from_run: $deep: the run has prompt.lstm.weight_ih_l0, which this model "
            "lacks\n");
  EXPECT_EQ(Error({absl::StrCat("model.init_from_run=", folder_, "deep"), "model.lora.rank=2"}),
            "error: model.init_from_run: $deep: the run lacks lora.bert.encoder.layer.0.attention.self.query.weight.A, "
            "which this model has\n");
  EXPECT_THAT(Error({absl::StrCat("model.init_from_run=", folder_, "deep"),
                     absl::StrCat("model.encoder.checkpoint.path=", kGoldens, "roberta"),
                     "model.prompt.template={text} <soft:2> {mask}"}),
              HasSubstr("error: model.init_from_run: $deep: its tokenizer is a different one\n"));
  EXPECT_THAT(Error({absl::StrCat("model.init_from_run=", folder_, "nowhere")}),
              HasSubstr("error: model.init_from_run: $nowhere"));
  EXPECT_EQ(
      Error({"model.prompt.init_words=the small world"}),
      "error: model.prompt.init_words has 3 words; the template has 2 soft vectors: give one word for all, or one "
      "word per vector\n");
  EXPECT_THAT(Error({"model.prompt.init_words=world", handed_}),
              HasSubstr("model.prompt.init_words and model.prompt.init_from_run are set; soft vectors begin as one "
                        "only\n"));
  EXPECT_THAT(Error({"model.prompt.init_words=world", "model.prompt.template={text} {mask}"}),
              HasSubstr("model.prompt.init_words is set; model.prompt.template has no <soft>\n"));
  EXPECT_THAT(Error({"learner.meta_prompter=", "model.prompt.reparametrisation=MLP"}),
              HasSubstr("model.prompt.reparametrisation is MLP; learner.meta_prompter does not train it, so it "
                        "would stay random\n"));
  EXPECT_THAT(Error({"learner.proto_maml=", "model.verbalizer.kind=PROTOTYPE"}),
              HasSubstr("model.verbalizer.kind is PROTOTYPE; it is for learner.maml, reptile, anil, meta_sgd, cavia "
                        "and imaml\n"));
}

}  // namespace
}  // namespace metaprompt

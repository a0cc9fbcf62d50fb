// Whole experiments with causal models: answers scored as sequences, calibration, in-context learning, and errors.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "experiments/result.pb.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "tests/helpers/checkpoint_run_fixture.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

class DecoderRunTest : public CheckpointRunTest {
 protected:
  // A run of the golden checkpoint with these settings in addition.
  Outcome Run(const std::string& golden, const std::vector<std::string>& sets, const std::string& out = "run") const {
    std::vector<std::string> arguments = {"run",   Spec(kGoldens + golden),
                                          "--out", folder_ + out,
                                          "--set", "model.prompt.template={text} is <soft:2> {mask}"};
    for (const std::string& set : sets) {
      arguments.insert(arguments.end(), {"--set", set});
    }
    return Command(arguments);
  }

  std::string RunError(const std::string& golden, const std::vector<std::string>& sets) const {
    const Outcome outcome = Run(golden, sets, "refused");
    EXPECT_NE(outcome.status, 0);
    std::filesystem::remove_all(folder_ + "refused");
    return outcome.err;
  }

  // Classifies with the run `run` and the examples `few.tsv`, and again with the classifier that this saved.
  void ExpectSavedClassifierGivesTheSame() const {
    const std::string texts = "the cat\nthe dog\n";
    const Outcome classified = Command({"classify", "--run", folder_ + "run", "--support", folder_ + "few.tsv",
                                        "--threads", "1", "--save", folder_ + "saved"},
                                       false, texts);
    ASSERT_EQ(classified.status, 0) << classified.err;
    const Outcome opened = Command({"classify", "--model", folder_ + "saved", "--threads", "1"}, false, texts);
    EXPECT_EQ(opened.out, classified.out) << opened.err;
  }
};

const std::vector<std::string> kInContext = {"learner={ in_context {} }", "train.meta_steps=0",
                                             "model.verbalizer={ kind: SEQUENCE calibration {} }",
                                             "model.encoder.checkpoint.max_tokens=25"};

TEST_F(DecoderRunTest, SequencesAreMetaLearned) {
  for (const std::string golden : {"gpt2", "llama", "qwen2", "t5", "t5-v1.1"}) {
    std::set<std::string> trained;
    for (const std::string verbalizer : {"{ kind: SEQUENCE sequence { reduce: MEAN } }", "{ calibration {} }"}) {
      const Outcome run =
          Run(golden, {"learner.inner.class_lr=0", "model.verbalizer=" + verbalizer, "model.lora.rank=2"});
      ASSERT_EQ(run.status, 0) << run.err;
      const RunRecord record = Record(Read("run/record.textproto"));
      EXPECT_TRUE(absl::StartsWith(golden, record.model().architecture())) << record.model().architecture();
      EXPECT_TRUE(record.model().mlm_head());
      EXPECT_EQ(record.results(0).trained_meta_steps(), 4);
      const absl::StatusOr<TensorFile> end = ParseSafetensors(Read("run/checkpoint-2shot.safetensors"), "end");
      ASSERT_TRUE(end.ok()) << end.status();
      TensorFile learned;
      for (const auto& [name, tensor] : end->tensors) {
        if (absl::StartsWith(name, "params/lora.") && absl::EndsWith(name, ".B")) {
          EXPECT_TRUE(tensor.ne(0).any().item<bool>()) << name << " is 0, as at step 0; only gradients move it";
          learned.tensors.emplace_back(name, tensor);
        }
      }
      EXPECT_FALSE(learned.tensors.empty());
      EXPECT_TRUE(trained.insert(SafetensorsBytes(learned)).second) << verbalizer << ": another loss moves them alike";
      std::filesystem::remove_all(folder_ + "run");
    }
  }
}

TEST_F(DecoderRunTest, InContextLearningRunsAndClassifies) {
  for (const std::string golden : {"gpt2-untied", "llama-biases"}) {
    const Outcome run = Run(golden, kInContext);
    ASSERT_EQ(run.status, 0) << run.err;
    Write("few.tsv", "aaa\tquick word\naaa\tnumber\nbbb\tzebra\n");
    ExpectSavedClassifierGivesTheSame();
    TensorFile file = *ParseSafetensors(Read("saved/adapted.safetensors"), "adapted");
    for (auto& [name, tensor] : file.tensors) {
      tensor = name == "fitted/0" ? tensor + 100000 : tensor;
    }
    Write("saved/adapted.safetensors", SafetensorsBytes(file));
    std::filesystem::remove(folder_ + "saved/SHA256SUMS");
    EXPECT_THAT(Command({"classify", "--model", folder_ + "saved"}, false, "the cat\n").err,
                HasSubstr("saved/adapted.safetensors: fitted/0 does not hold token ids"));
    std::string many;
    for (int i = 0; i < 12; ++i) {
      absl::StrAppend(&many, i % 2 == 0 ? "aaa\t" : "bbb\t", std::string(40, static_cast<char>('a' + i)), "\n");
    }
    Write("few.tsv", many);
    EXPECT_THAT(Command({"classify", "--run", folder_ + "run", "--support", folder_ + "few.tsv"}, false, "x\n").err,
                HasSubstr("and the model takes 256; give fewer or shorter examples"));
    std::filesystem::remove_all(folder_ + "run");
    std::filesystem::remove_all(folder_ + "saved");
  }
}

// An encoder-decoder with answers as sequences: calibration, prefixes, classifying, and an exported folder.
TEST_F(DecoderRunTest, AnEncoderDecoderClassifiesAndIsExported) {
  for (const std::string golden : {"t5", "t5-v1.1"}) {
    const Outcome run = Run(golden, {"learner.inner.class_lr=0", "model.verbalizer={ kind: SEQUENCE calibration {} }",
                                     "model.prompt.prefix_length=2", "model.dropout.of_checkpoint=true",
                                     "model.encoder.checkpoint.max_tokens=40"});
    ASSERT_EQ(run.status, 0) << run.err;
    Write("few.tsv", "aaa\tcat\tquick word\naaa\tcat\tnumber\nbbb\tdog\tzebra\n");
    ExpectSavedClassifierGivesTheSame();
    ASSERT_EQ(Command({"export", folder_ + "run", "--out", folder_ + "out"}).status, 0);
    const absl::StatusOr<Checkpoint> exported = OpenCheckpoint(folder_ + "out", /*allow_unknown=*/false);
    ASSERT_TRUE(exported.ok()) << exported.status();
    EXPECT_EQ(exported->encoder->config().tied, golden == "t5");
    EXPECT_EQ(exported->encoder->config().scaled_head, golden == "t5");
    const Outcome tokens = Command({"tokenize", "--encoder", folder_ + "out"}, false, "the <extra_id_0>\n");
    EXPECT_EQ(tokens.out, "7 159 1\n") << tokens.err;
    for (const char* made : {"run", "saved", "out"}) {
      std::filesystem::remove_all(folder_ + made);
    }
  }
}

TEST_F(DecoderRunTest, WhatDoesNotFitIsNamed) {
  EXPECT_THAT(RunError("t5", kInContext),
              HasSubstr("learner.in_context is for causal models, and the checkpoint, t5, is an encoder-decoder"));
  CopyOf("t5");
  Write("t5/tokenizer_config.json", R"({"tokenizer_class": "AlbertTokenizer"})");
  EXPECT_THAT(Command({"run", Spec(folder_ + "t5"), "--out", folder_ + "other"}).err, HasSubstr("spiece.model"));
  std::filesystem::remove(folder_ + "t5/tokenizer_config.json");
  Write("t5/config.json",
        absl::StrReplaceAll(Read("t5/config.json"), {{"start_token_id\": 0", "start_token_id\": 5"}}));
  EXPECT_THAT(Command({"run", Spec(folder_ + "t5"), "--out", folder_ + "other"}).err,
              HasSubstr("$t5: the first token of the decoder is token 5 for config.json (decoder_start_token_id) and "
                        "token 0 for the tokenizer (its padding)"));
  EXPECT_THAT(
      RunError("gpt2", {"model.prompt.template={text} is {mask} ."}),
      HasSubstr("model.prompt.template: {mask} must be the end of the template: a causal model continues a text"));
  EXPECT_THAT(
      RunError("bert", {"learner.inner.class_lr=0", "model.verbalizer.kind=SEQUENCE"}),
      HasSubstr("model.verbalizer.kind is SEQUENCE, and the checkpoint, bert, is not a causal model; MANUAL reads "
                "its answers at the mask"));
  EXPECT_THAT(RunError("gpt2", {"model.verbalizer.kind=SEQUENCE"}),
              HasSubstr("model.verbalizer.kind is SEQUENCE; there are no class vectors, so class_lr must be 0"));
  EXPECT_THAT(RunError("gpt2", {"model.verbalizer.sequence={}"}),
              HasSubstr("model.verbalizer.sequence is set; it is for model.verbalizer.kind: SEQUENCE"));
  EXPECT_THAT(
      RunError("gpt2", {"learner={ proto_net {} }", "model.verbalizer={ kind: SEQUENCE calibration {} }"}),
      testing::AllOf(HasSubstr("model.verbalizer.calibration is set; learner.proto_net has class logits of its own"),
                     HasSubstr("model.verbalizer.kind is SEQUENCE; it is for learner.maml, reptile, meta_sgd, "
                               "cavia, imaml and in_context")));
  EXPECT_THAT(RunError("gpt2", {"learner={ in_context {} }", "train.meta_steps=0"}),
              HasSubstr("learner.in_context needs model.verbalizer.kind: SEQUENCE"));
  EXPECT_THAT(RunError("gpt2", {"learner.inner.class_lr=0",
                                "model.verbalizer={ kind: SEQUENCE sequence { max_tokens: 2 } pieces: FIRST }"}),
              HasSubstr("all pieces of an answer count, and model.verbalizer.pieces is FIRST"));
  EXPECT_THAT(
      RunError("gpt2", {"learner.inner.class_lr=0", "model.verbalizer={ kind: SEQUENCE sequence { max_tokens: 2 } }"}),
      HasSubstr("tokens; model.verbalizer.sequence.max_tokens is 2"));
  EXPECT_THAT(RunError("llama", {"model.dropout.hidden=0.5"}),
              HasSubstr("model.dropout.hidden is 0.5; llama has no dropout of hidden states, so it must be 0"));
  std::vector<std::string> sets = kInContext;
  sets.emplace_back("episodes.shots=6");
  sets.emplace_back("episodes.queries=1");
  sets.emplace_back("episodes.train_queries=1");
  const std::string error = RunError("gpt2", sets);
  EXPECT_THAT(error,
              HasSubstr("learner.in_context: 18 support texts stand before a query text. The longest text has "));
  EXPECT_THAT(error, HasSubstr("and the model takes 256; set model.encoder.checkpoint.max_tokens to at most "));
  sets = kInContext;
  sets.emplace_back("model.encoder.checkpoint.max_tokens=200");
  sets.push_back(
      absl::StrCat("model.verbalizer={ kind: SEQUENCE calibration { texts: '", std::string(300, 'x'), "' } }"));
  EXPECT_THAT(RunError("gpt2", sets),
              HasSubstr(" tokens, the longest one without content 200 and the longest answer "));
  // A tokenizer for another kind of model.
  CopyOf("roberta");
  Write("roberta/tokenizer_config.json", R"({"tokenizer_class": "GPT2Tokenizer"})");
  EXPECT_THAT(Command({"run", Spec(folder_ + "roberta"), "--out", folder_ + "other"}).err,
              HasSubstr("$roberta: roberta is not a causal model, and the tokenizer has no mask token; tokenizer_class "
                        "in tokenizer_config.json chooses the tokenizer"));
}

TEST_F(DecoderRunTest, LinesAreEncoded) {
  Write("lines.txt", "the cat\non the mat\n");
  const Outcome tokens = Command({"tokenize", "--encoder", absl::StrCat(kGoldens, "llama"), folder_ + "lines.txt"});
  ASSERT_EQ(tokens.status, 0) << tokens.err;
  EXPECT_THAT(tokens.out, testing::StartsWith("282 ")) << "the token before every text";
  const absl::StatusOr<std::string> lines = ReadFile(absl::StrCat(kGoldens, "lines.txt"));
  ASSERT_TRUE(lines.ok()) << lines.status();
  Write("lines.txt", absl::StrReplaceAll(*lines, {{"{mask}", "cat"}, {"{pad}", "dog"}}));
  for (const std::string golden : {"gpt2", "llama"}) {
    const Outcome outcome = Command({"encode", "--encoder", absl::StrCat(kGoldens, golden), "--what", "mask-logits",
                                     "--out", folder_ + "out.safetensors", folder_ + "lines.txt"});
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const at::Tensor logits = ParseSafetensors(Read("out.safetensors"), "out")->Find("logits");
    const absl::StatusOr<std::string> expected = ReadFile(absl::StrCat(kGoldens, golden, "/expected.safetensors"));
    ASSERT_TRUE(expected.ok()) << expected.status();
    const at::Tensor golden_logits = ParseSafetensors(*expected, "expected")->Find("logits");
    ASSERT_EQ(logits.sizes(), golden_logits.sizes()) << golden;
    EXPECT_LT((logits - golden_logits).abs().max().item<float>(), 1e-5F) << golden;
  }
  Write("lines.txt", "the cat\n\n");
  EXPECT_THAT(Command({"encode", "--encoder", absl::StrCat(kGoldens, "gpt2"), "--out", folder_ + "out.safetensors",
                       folder_ + "lines.txt"})
                  .err,
              HasSubstr("lines.txt:2: the line has no token; a causal model needs one"));
}

}  // namespace
}  // namespace metaprompt

// Whole experiments that start from a checkpoint, and the commands that open one: run, continue, export, encode.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "experiments/result.pb.h"
#include "experiments/spec.h"
#include "experiments/workbench/workbench.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "tests/helpers/checkpoint_run_fixture.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

TEST_F(CheckpointRunTest, EveryArchitectureTrainsAndIsTested) {
  for (const std::string& name : EncoderGoldens()) {
    const Outcome run =
        Command({"run", Spec(absl::StrCat(kGoldens, name)), "--out", folder_ + name, "--set",
                 absl::StrCat("model.prompt.template={text} is <soft:2> {mask}", IsCausal(name) ? "" : " .")});
    ASSERT_EQ(run.status, 0) << run.err;
    const bool head = SavedWithHead(name);
    EXPECT_EQ(absl::StrContains(run.err, "no MLM head: the word embedding is the decoder"), !head);
    const RunRecord record = Record(Read(absl::StrCat(name, "/record.textproto")));
    EXPECT_TRUE(absl::StartsWith(name, record.model().architecture())) << record.model().architecture();
    EXPECT_EQ(record.model().mlm_head(), head);
    EXPECT_EQ(record.model().encoder_sha256().size(), 64U);
    ASSERT_EQ(record.results_size(), 1);
    ASSERT_EQ(record.results(0).tests_size(), 2);
    EXPECT_EQ(record.results(0).tests(0).initialisation(), "pre-trained");
    EXPECT_EQ(record.results(0).trained_meta_steps(), 4);
    EXPECT_THAT(run.out, HasSubstr("pre-trained"));
    EXPECT_EQ(absl::StrContains(run.err, "; unused: "), record.model().unused_tensors_size() > 0) << run.err;
    if (name == "bert-no-head") {
      EXPECT_THAT(run.err, HasSubstr("; unused: pooler.dense.bias, pooler.dense.weight"));
    }
  }
  const RunRecord cut = Record(Read("bert-no-head/record.textproto"));
  EXPECT_EQ(cut.model().unused_tensors_size(), 2) << "the pooler";
  EXPECT_THAT(Record(Read("electra-discriminator/record.textproto")).model().unused_tensors(),
              testing::Each(testing::StartsWith("discriminator_predictions.dense")));
}

TEST_F(CheckpointRunTest, TheCheckpointIsReadOnce) {
  const std::string encoder = CopyOf("bert");
  const ExperimentSpec spec = *LoadSpec(Spec(encoder), {"episodes.shots=1,2"});
  absl::StatusOr<std::unique_ptr<Workbench>> bench = Workbench::Open(spec, {});
  ASSERT_TRUE(bench.ok()) << bench.status();
  std::filesystem::remove_all(encoder);
  const ParamList one = (*bench)->InitialParams(1).value();
  const ParamList two = (*bench)->InitialParams(2).value();
  const ParamList again = (*bench)->InitialParams(1).value();
  for (size_t i = 0; i < (*bench)->model().encoder().params().size(); ++i) {
    EXPECT_EQ(one[i].data_ptr(), two[i].data_ptr()) << "the same memory";
    EXPECT_EQ(one[i].data_ptr(), again[i].data_ptr());
  }
  (*bench)->ForgetInitialParams(1);
  EXPECT_TRUE((*bench)->InitialParams(2).ok());
  EXPECT_THROW((*bench)->InitialParams(1).IgnoreError(), c10::Error);
}

TEST_F(CheckpointRunTest, TheSameRecordEveryTimeAndWhenStopped) {
  const std::string encoder = CopyOf("roberta");
  const std::string spec = Spec(encoder);
  ASSERT_EQ(Command({"run", spec, "--out", folder_ + "whole"}).status, 0);
  Outcome stopped = Command({"run", spec, "--out", folder_ + "pieces"}, /*stop=*/true);
  EXPECT_EQ(stopped.status, 130);
  EXPECT_THAT(stopped.err,
              HasSubstr("stopped at episode 0 of 2-shot validation at meta-step 0; the same command continues"));
  // The run does not continue with other weights; with its own weights it does.
  const std::string weights = Read("roberta/model.safetensors");
  std::string other = weights;
  other.back() = static_cast<char>(other.back() ^ 1);
  Write("roberta/model.safetensors", other);
  const Outcome changed = Command({"run", spec, "--out", folder_ + "pieces"});
  EXPECT_EQ(changed.status, 1);
  EXPECT_THAT(changed.err,
              HasSubstr("error: $pieces.partial: the encoder's weights or tokenizer have changed since this "
                        "run began; name another folder with --out\n"));
  Write("roberta/model.safetensors", weights);
  const std::string merges = Read("roberta/merges.txt");
  Write("roberta/merges.txt", merges.substr(0, merges.rfind('\n', merges.size() - 2) + 1));
  EXPECT_THAT(Command({"run", spec, "--out", folder_ + "pieces"}).err, HasSubstr("weights or tokenizer have changed"));
  Write("roberta/merges.txt", merges);
  ASSERT_EQ(Command({"run", spec, "--out", folder_ + "pieces"}).status, 0);
  EXPECT_EQ(Read("pieces/record.textproto"), Read("whole/record.textproto"));
}

TEST_F(CheckpointRunTest, WhatIsExportedIsWhatValidatedBest) {
  for (const std::string name : {"mpnet", "albert", "bert-no-head", "t5"}) {
    const std::string encoder = CopyOf(name);
    const std::string lora = name == "albert" || name == "t5" ? "rank: 2 alpha: 3" : "rank: 0";
    ASSERT_EQ(
        Command({"run", Spec(encoder), "--out", folder_ + "run", "--set", absl::StrCat("model.lora={ ", lora, " }")})
            .status,
        0);
    std::filesystem::remove_all(encoder);  // the run does not need it any more
    TensorFile best = *ParseSafetensors(Read("run/best-2shot.safetensors"), "best");
    for (auto& [param, tensor] :
         best.tensors) {  // the initial parameters may have validated best, so makes updates that are not 0
      tensor = absl::EndsWith(param, ".B") ? at::rand(tensor.sizes()) : tensor.clone();
    }
    ASSERT_TRUE(WriteSafetensors(folder_ + "run/best-2shot.safetensors", best).ok());
    std::filesystem::remove(folder_ + "run/SHA256SUMS");  // has the checksums of the old parameters
    const Outcome exported = Command({"export", folder_ + "run", "--out", folder_ + "out"});
    ASSERT_EQ(exported.status, 0) << exported.err;
    EXPECT_THAT(exported.out, HasSubstr("the 2-shot initialisation of "));
    const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(folder_ + "out", /*allow_unknown=*/false);
    ASSERT_TRUE(opened.ok()) << opened.status();
    int updated = 0;
    for (size_t i = 0; i < opened->params.size(); ++i) {
      const std::string& param = opened->encoder->params()[i].name;
      at::Tensor expected = best.Find(param);
      if (const at::Tensor b = best.Find(absl::StrCat("lora.", param, ".B")); b.defined()) {
        expected = expected + b.matmul(best.Find(absl::StrCat("lora.", param, ".A"))) * (3.0 / 2);
        EXPECT_GT(MaxDifference(expected, best.Find(param)), 0.1) << param;
        EXPECT_LT(MaxDifference(opened->params[i], expected), 1e-6) << param;
        ++updated;
      } else {
        EXPECT_TRUE(at::equal(opened->params[i], expected)) << param;
      }
    }
    // Queries and values of four separate layers, or of six attentions.
    EXPECT_EQ(updated, name == "albert" ? 8 : name == "t5" ? 12 : 0);
    const TensorFile prompt = *ParseSafetensors(Read("out/prompt.safetensors"), "prompt");
    EXPECT_EQ(prompt.tensors.size(), name == "bert-no-head" ? 3 : 1);
    EXPECT_TRUE(at::equal(prompt.Find("prompt.soft"), best.Find("prompt.soft")));
    EXPECT_EQ(prompt.Find("prompt.soft").size(0), 2);
    EXPECT_EQ(prompt.metadata.at("template"), "{text} is <soft:2> {mask} .");
    EXPECT_EQ(Command({"export", folder_ + "run", "--out", folder_ + "out"}).err,
              "error: $out: the folder is not empty; name another, or empty it\n");
    EXPECT_EQ(Command({"export", folder_ + "run", "--out", folder_ + "new", "--shots", "5"}).err,
              "error: $run: the run has no 5-shot result; it has 2\n");
    std::filesystem::remove_all(folder_ + "run");
    std::filesystem::remove_all(folder_ + "out");
  }
}

TEST_F(CheckpointRunTest, TheFilesOfTheEncoderAreChecked) {
  ASSERT_EQ(Command({"run", Spec(CopyOf("bert")), "--out", folder_ + "run"}).status, 0);
  const auto exported = [&] { return Command({"export", folder_ + "run", "--out", folder_ + "out"}); };
  const std::string vocab = Read("run/encoder/vocab.txt");
  Write("run/encoder/vocab.txt", absl::StrReplaceAll(vocab, {{"cat", "cut"}}));
  EXPECT_THAT(exported().err, HasSubstr("error: $run/encoder/vocab.txt: not the bytes that were written"));
  Write("run/encoder/vocab.txt", vocab);
  // A file that was added would change the tokenizer.
  Write("run/encoder/added_tokens.json", "{\"the\": 77}");
  EXPECT_THAT(exported().err,
              HasSubstr("error: $run/encoder/added_tokens.json: not one of the files that were written, "
                        "which SHA256SUMS lists; remove it"));
  std::filesystem::remove(folder_ + "run/encoder/added_tokens.json");
  // The tokenizer could be made without this file, but would be a different one.
  std::filesystem::remove(folder_ + "run/encoder/tokenizer_config.json");
  EXPECT_THAT(exported().err, HasSubstr("here, but encoder/tokenizer_config.json is not; copy it again"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "out"));
}

// Prototypes in a whole run, and soft vectors that start as words.
TEST_F(CheckpointRunTest, WordsAndPrototypes) {
  const Outcome run = Command({"run", Spec(std::string(kGoldens) + "bert"), "--out", folder_ + "words", "--set",
                               "model.prompt.init_words=what dogs", "--set", "model.verbalizer.kind=PROTOTYPE", "--set",
                               "train.meta_steps=0"});
  ASSERT_EQ(run.status, 0) << run.err;
  const TensorFile best = *ParseSafetensors(Read("words/best-2shot.safetensors"), "best");
  const at::Tensor words = best.Find("bert.embeddings.word_embeddings.weight");
  const auto row = [&](const std::string& piece) {
    const std::vector<std::string> lines = absl::StrSplit(*ReadFile(std::string(kGoldens) + "bert/vocab.txt"), '\n');
    return words[std::find(lines.begin(), lines.end(), piece) - lines.begin()];
  };
  EXPECT_TRUE(at::equal(best.Find("prompt.soft")[0], row("what")));
  EXPECT_LT(MaxDifference(best.Find("prompt.soft")[1], (row("dog") + row("##s")) / 2), 1e-6);
}

TEST_F(CheckpointRunTest, SpecErrorsNameTheField) {
  const std::string spec = Spec(std::string(kGoldens) + "bert");
  const auto error = [&](const std::string& set) {
    return Command({"run", spec, "--out", folder_ + "x", "--set", set}).err;
  };
  EXPECT_THAT(error("model.tokenizer.path=some.model"),
              HasSubstr("model.tokenizer.path is set; model.encoder.checkpoint has its own tokenizer\n"));
  EXPECT_THAT(error("device=gpu"), HasSubstr("device is 'gpu'; it must be cpu, cuda or cuda:N\n"));
  if (!at::hasCUDA()) {
    EXPECT_THAT(error("device=cuda"), HasSubstr("device is 'cuda'; this program's LibTorch, "));
  }
  EXPECT_THAT(error("precision=TF32"),
              HasSubstr("precision is TF32, which needs a GPU: set device to cuda, or use FLOAT32\n"));
  EXPECT_THAT(error("model.encoder.checkpoint.path=$nowhere"), HasSubstr("nowhere"));
  EXPECT_THAT(
      error("model.encoder.checkpoint.max_tokens=7"),
      HasSubstr("model.prompt.template: the prompt alone has 7 tokens, and the encoder takes at most 7, so that "
                "no text fits; shorten the prompt\n"));
  EXPECT_THAT(error("model.verbalizer.answers=label: 'zzz' words: 'cat'"),
              HasSubstr("model.verbalizer.answers: no class has the label 'zzz'\n"));
  EXPECT_THAT(error("model.verbalizer.answers=label: 'aaa'"),
              HasSubstr("model.verbalizer.answers[0].words must be set"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "x.partial")) << "nothing half-written";
}

// Products in bfloat16 have 8 significant bits: the losses are close to those of float32, but not equal.
TEST_F(CheckpointRunTest, Bfloat16ComesCloseToFloat32) {
  const std::string spec = Spec(std::string(kGoldens) + "bert");
  ASSERT_EQ(Command({"run", spec, "--out", folder_ + "full"}).status, 0);
  const Outcome half = Command({"run", spec, "--out", folder_ + "half", "--set", "precision=BFLOAT16"});
  ASSERT_EQ(half.status, 0) << half.err;
  const ShotResult a = Record(Read("full/record.textproto")).results(0);
  const ShotResult b = Record(Read("half/record.textproto")).results(0);
  ASSERT_EQ(a.curve_size(), b.curve_size());
  EXPECT_NE(a.curve(1).query_loss(), b.curve(1).query_loss());
  EXPECT_NEAR(a.curve(1).query_loss(), b.curve(1).query_loss(), 0.05 * a.curve(1).query_loss());
}

TEST_F(CheckpointRunTest, EncodeGivesWhatTransformersGives) {
  constexpr double kTolerance = 1e-5;
  for (const std::string name :
       {"bert", "roberta", "mpnet", "albert", "electra", "xlm-roberta", "modernbert", "deberta-v2-v3", "t5"}) {
    const bool angled = name == "roberta" || name == "mpnet" || name == "xlm-roberta";
    const std::string mask = angled ? "<mask>" : name == "t5" ? "<extra_id_0>" : "[MASK]";
    const std::string pad = angled || name == "albert" || name == "t5" ? "<pad>" : "[PAD]";
    const std::string lines =
        absl::StrReplaceAll(*ReadFile(std::string(kGoldens) + "lines.txt"), {{"{mask}", mask}, {"{pad}", pad}});
    const TensorFile expected =
        *ParseSafetensors(*ReadFile(absl::StrCat(kGoldens, name, "/expected.safetensors")), "expected");
    const std::string out = folder_ + name + ".safetensors";
    const Outcome states = Command({"encode", "--encoder", kGoldens + name, "--out", out}, false, lines);
    ASSERT_EQ(states.status, 0) << states.err;
    const TensorFile found = *ParseSafetensors(Read(name + ".safetensors"), "found");
    const at::Tensor offsets = found.Find("offsets");
    const at::Tensor lengths = expected.Find("lengths");
    ASSERT_EQ(offsets.size(0), lengths.size(0) + 1);
    for (int64_t b = 0; b < lengths.size(0); ++b) {
      const auto first = offsets[b].item<int64_t>();
      const auto length = lengths[b].item<int64_t>();
      ASSERT_EQ(offsets[b + 1].item<int64_t>() - first, length);
      EXPECT_TRUE(at::equal(found.Find("input_ids").narrow(0, first, length),
                            expected.Find("input_ids")[b].narrow(0, 0, length)));
      EXPECT_LT(
          MaxDifference(found.Find("states").narrow(0, first, length), expected.Find("states")[b].narrow(0, 0, length)),
          kTolerance);
    }
    ASSERT_EQ(
        Command({"encode", "--encoder", kGoldens + name, "--out", out, "--what", "mask-logits"}, false, lines).status,
        0);
    EXPECT_LT(
        MaxDifference(ParseSafetensors(Read(name + ".safetensors"), "found")->Find("logits"), expected.Find("logits")),
        kTolerance);
    const std::vector<std::string> encode = {"encode", "--encoder", kGoldens + name, "--out", folder_ + "none"};
    EXPECT_THAT(Command(encode, false, "the\nc\xe4t\n").err,
                HasSubstr("error: the standard input:2: not valid UTF-8 at byte 2\n"));
    std::vector<std::string> dash = encode;
    dash.emplace_back("-");
    EXPECT_THAT(Command(dash, false, "the\nc\xe4t\n").err,
                HasSubstr("error: the standard input:2: not valid UTF-8 at byte 2\n"));
    std::vector<std::string> longer = encode;
    longer.insert(longer.end(), {"--max-tokens", "5000"});
    EXPECT_THAT(Command(longer, false, lines).err,
                HasSubstr(absl::StrCat("error: --max-tokens is 5000, but ", kGoldens, name, " takes at most ")));
    // After an error, the old file is still there.
    const std::string before = Read(name + ".safetensors");
    const Outcome none = Command({"encode", "--encoder", kGoldens + name, "--out", out, "--what", "mask-logits"}, false,
                                 lines + "no mask here\n");
    EXPECT_EQ(none.status, 1);
    EXPECT_THAT(none.err, HasSubstr(absl::StrCat("error: the standard input:7: there are 0 ", mask,
                                                 "; mask-logits needs one in each line\n")));
    EXPECT_EQ(Read(name + ".safetensors"), before);
  }
}

TEST_F(CheckpointRunTest, EncodeTellsWhatItLeavesOutAndRefusesWhatIsNotFinite) {
  const std::string out = folder_ + "out";
  const Outcome cut =
      Command({"encode", "--encoder", std::string(kGoldens) + "bert-no-head", "--out", out, "--max-tokens", "4"}, false,
              "the cat sat on the mat\nthe\n");
  EXPECT_EQ(cut.status, 0);
  EXPECT_THAT(cut.err, HasSubstr("; unused: pooler.dense.bias, pooler.dense.weight ("));
  EXPECT_THAT(cut.err, HasSubstr(" tokens (1 line cut): "));
  std::filesystem::remove(out);
  // Every weight is finite, but what is computed from them is not.
  const std::string encoder = CopyOf("bert");
  TensorFile file = *ParseSafetensors(Read("bert/model.safetensors"), "bert");
  for (auto& [name, tensor] : file.tensors) {
    if (absl::StrContains(name, "layer.1.output.LayerNorm.weight")) {
      tensor = at::full_like(tensor, 3e38);
    }
  }
  ASSERT_TRUE(WriteSafetensors(encoder + "/model.safetensors", file).ok());
  EXPECT_THAT(Command({"encode", "--encoder", encoder, "--out", out}, false, "the cat\n").err,
              ::testing::ContainsRegex("error: .bert, lines 1 to 1: what it computes: [0-9]+ of [0-9]+ numbers are not "
                                       "finite; the first is number "));
  EXPECT_FALSE(std::filesystem::exists(out));
  Write("few.tsv", "cat\tthe cat\ndog\ta dog\n");
  const Outcome classified =
      Command({"classify", "--encoder", encoder, "--support", folder_ + "few.tsv"}, false, "the cat\n");
  EXPECT_EQ(classified.status, 1);
  EXPECT_EQ(classified.out, "");
  EXPECT_THAT(classified.err,
              HasSubstr("error: $few.tsv: the parameters are finite, but the logits are not before any step"));
}

// More lines than fit into one window, so that copies of a line are in different windows and batches. In bfloat16 a
// number is rounded 14 times per layer, by a relative 2^-8 (see bfloat16_layers_test).
TEST_F(CheckpointRunTest, EncodeGivesALineTheSameStatesInEachWindowAndPrecision) {
  const std::vector<std::string> lines = {"the cat", "a dog sat on the mat and saw a cat", "on", "the dog and the cat"};
  constexpr int64_t kCopies = 600;
  std::string text;
  for (int64_t i = 0; i < kCopies; ++i) {
    absl::StrAppend(&text, absl::StrJoin(lines, "\n"), "\n");
  }
  const auto states = [&](const std::string& name, const std::string& precision) {
    const Outcome done = Command(
        {"encode", "--encoder", kGoldens + name, "--out", folder_ + "out", "--precision", precision, "--threads", "2"},
        false, text);
    EXPECT_EQ(done.status, 0) << done.err;
    const TensorFile file = *ParseSafetensors(Read("out"), "out");
    const at::Tensor found = file.Find("states");
    EXPECT_GT(found.size(0), 1 << 14) << "more tokens than a window";
    return found.view({kCopies, found.size(0) / kCopies, found.size(1)});
  };
  const auto size = [](const at::Tensor& x) { return x.square().mean().sqrt().item<double>(); };
  for (const std::string name : {"bert", "mpnet", "albert", "electra", "modernbert", "deberta-v2-v3"}) {
    const int64_t layers = OpenCheckpoint(kGoldens + name, false)->encoder->layout().layers.size();
    const at::Tensor exact = states(name, "FLOAT32");
    EXPECT_LT(MaxDifference(exact, exact[0].expand_as(exact)), 1e-5) << name;
    const at::Tensor rounded = states(name, "BFLOAT16");
    EXPECT_LT(size(rounded - exact), layers * std::sqrt(14.0) * std::ldexp(size(exact), -8)) << name;
    EXPECT_GT(size(rounded - exact), std::ldexp(size(exact), -12)) << name << ": bfloat16 was used";
    EXPECT_LT(size(rounded - rounded[0]), layers * std::sqrt(14.0) * std::ldexp(size(exact), -8)) << name;
  }
  EXPECT_EQ(
      Command({"encode", "--encoder", std::string(kGoldens) + "bert", "--out", folder_ + "x", "--precision", "HALF"})
          .err,
      "error: --precision: HALF not in {FLOAT32,BFLOAT16}; see `metaprompt encode --help`\n");
}

TEST_F(CheckpointRunTest, EncodeWritesOverNothingThatItReads) {
  const std::string encoder = CopyOf("bert");
  Write("text.txt", "the cat\n");
  const auto error = [&](const std::string& out, const std::string& text, bool stop = false) {
    const Outcome outcome = Command({"encode", "--encoder", encoder, "--out", out, text}, stop);
    EXPECT_EQ(outcome.status, stop ? 130 : 1);
    return outcome.err.substr(outcome.err.find(stop ? "stopped" : "error: "));
  };
  const std::string text = folder_ + "text.txt";
  EXPECT_EQ(error(text, text), "error: cannot write $text.txt: this command reads that file; name another\n");
  EXPECT_EQ(error(encoder + "/model.safetensors", text),
            "error: cannot write $bert/model.safetensors: this command reads that file; name another\n");
  EXPECT_EQ(error(folder_ + "no/x", text), "error: cannot write $no/x: there is no folder $no\n");
  EXPECT_EQ(error(encoder, text), "error: cannot write $bert: it is a folder\n");
  EXPECT_EQ(error(folder_ + "x", folder_), "error: $: Is a directory\n");
  EXPECT_EQ(error(folder_ + "x", text, /*stop=*/true), "stopped after line 0; nothing was written\n");
  EXPECT_EQ(Command({"encode", "--encoder", folder_ + "hub", "--out", folder_ + "x", text}).err,
            "error: $hub: no such folder here (a checkpoint is a folder on this machine; none is downloaded)\n");
  EXPECT_EQ(Read("text.txt"), "the cat\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "x"));
}

}  // namespace
}  // namespace metaprompt

// A saved classifier is unchecked input: which folders are refused, and with which error.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "metaprompt/base/files.h"
#include "tests/helpers/checkpoint_run_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SavedClassifierTest : public CheckpointRunTest {
 protected:
  // A run of a new encoder with this learner, adapted and saved as $saved.
  void Save(const std::string& learner, int meta_steps = 1) {
    std::string data;
    for (int c = 0; c < 9; ++c) {
      for (int i = 0; i < 6; ++i) {
        absl::StrAppend(&data, "class-", c, "\tthe quick word ", c * 7, " stands beside number ", i * 31,
                        " of zebra\n");
      }
    }
    Write("data.tsv", data);
    Write("few.tsv", "aaa\tquick word\naaa\tnumber\nbbb\tzebra stands\nbbb\tbeside the quick\n");
    Write("new.textproto", absl::StrCat(R"(
      name: "tiny"
      dataset { tsv { path: ")",
                                        folder_, R"(data.tsv" } split { shares { train: 0.34 valid: 0.33 } } }
      model {
        tokenizer { vocab_size: 96 }
        encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 32 init_std: 1 } }
        prompt { template: "{text} is <soft:2> {mask} ." }
      }
      episodes { ways: 2 shots: 2 queries: 2 }
      learner { )",
                                        learner, " }\ntrain { meta_steps: ", meta_steps, R"( meta_batch: 1
      validate_every: 1 valid_episodes: 2 } test { episodes: 2 } threads: 1)"));
    const Outcome run = Command({"run", folder_ + "new.textproto", "--out", folder_ + "run"});
    ASSERT_EQ(run.status, 0) << run.err;
    const Outcome saved = Command({"classify", "--run", folder_ + "run", "--support", folder_ + "few.tsv", "--threads",
                                   "1", "--save", folder_ + "saved"},
                                  false, "the cat\n");
    ASSERT_EQ(saved.status, 0) << saved.err;
    out_ = saved.out;
  }

  Outcome Open() const {
    return Command({"classify", "--model", folder_ + "saved", "--threads", "1"}, false, "the cat\n");
  }

  std::string out_;
};

TEST_F(SavedClassifierTest, BytesThatHaveChangedAreFound) {
  Save("maml {} inner { class_lr: 0.1 }");
  EXPECT_EQ(Open().out, out_) << Open().err;
  for (const std::string name : {"adapted.safetensors", "classifier.textproto", "encoder/tokenizer.model"}) {
    const std::string bytes = Read("saved/" + name);
    std::string changed = bytes;
    changed[changed.size() - 2] = static_cast<char>(changed[changed.size() - 2] ^ 1);
    Write("saved/" + name, changed);
    EXPECT_THAT(Open().err, AllOf(StartsWith("error: $saved/" + name + ": not the bytes that were written: "),
                                  HasSubstr("; copy the classifier's folder again, or save the classifier again\n")));
    std::filesystem::remove(folder_ + "saved/" + name);
    EXPECT_THAT(Open().err, name == "classifier.textproto"
                                ? StartsWith("error: $saved: no classifier is here; `metaprompt classify --support "
                                             "FILE --save DIR` writes one\n")
                                : StartsWith("error: $saved/" + name +
                                             ": No such file or directory; copy the "
                                             "classifier's folder again, or save the classifier again\n"));
    Write("saved/" + name, bytes);
  }
  EXPECT_EQ(Open().out, out_);
  // An earlier version wrote no SHA256SUMS.
  std::filesystem::remove(folder_ + "saved/SHA256SUMS");
  for (const std::string name : {"adapted.safetensors", "encoder/tokenizer.model"}) {
    const std::string bytes = Read("saved/" + name);
    std::filesystem::remove(folder_ + "saved/" + name);
    EXPECT_THAT(Open().err, HasSubstr(name + ": No such file or directory; copy the classifier's folder again, or "))
        << name;
    Write("saved/" + name, bytes);
  }
  std::string bytes = Read("saved/adapted.safetensors");
  bytes.replace(bytes.size() - 4, 4, "\xff\xff\xff\x7f");  // NaN
  Write("saved/adapted.safetensors", bytes);
  EXPECT_THAT(Open().err, AllOf(HasSubstr("error: $saved/adapted.safetensors: "), HasSubstr("not finite")));
}

TEST_F(SavedClassifierTest, FieldsAreCheckedBeforeAnythingIsMade) {
  Save("maml {} inner { class_lr: 0.1 }");
  std::filesystem::remove(folder_ + "saved/SHA256SUMS");  // as an earlier version wrote it
  EXPECT_EQ(Open().out, out_);
  const std::string about = Read("saved/classifier.textproto");
  const size_t at = about.find("temperature: ", about.find("classes {"));
  const std::string temperature = about.substr(at, about.find('\n', at) - at);
  for (const auto& [from, to, error] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"heads: 2", "heads: 0", "spec: model.encoder.bert.heads is 0"},
           {"heads: 2", "heads: 3", "spec: model.encoder.bert.width"},
           {"layers: 1", "layers: 2000000000", "spec: model.encoder.bert.layers is 2000000000"},
           {"layer_norm_eps: 1e-12", "layer_norm_eps: -1", "spec: model.encoder.bert.layer_norm_eps is -1"},
           {"vocab_size: 96", "vocab_size: -5", "spec: model.tokenizer.vocab_size is -5"},
           {"threads: 1", "threads: -7", "spec: threads is -7"},
           {"device: \"cpu\"", "device: \"foo\"", "spec: device is 'foo'"},
           {temperature, "temperature: 1e-300", "temperature is 1e-300; it must be >= 0.01 and <= 100"},
           {temperature, "temperature: 1e300", "temperature is 1e+300; it must be >= 0.01 and <= 100"},
           {"label: \"bbb\"", "label: \"aaa\"", "classes: the label 'aaa' is there twice"},
           {"label: \"bbb\"", "label: \"\"", "classes.label is ''"},
           {"label: \"bbb\"", "label: \"b\\033b\"", "classes.label is 'b\\x1bb'"},
       }) {
    ASSERT_THAT(about, HasSubstr(from));
    Write("saved/classifier.textproto", absl::StrReplaceAll(about, {{from, to}}));
    const Outcome outcome = Open();
    EXPECT_EQ(outcome.status, 1);
    EXPECT_THAT(outcome.err, StartsWith("error: $saved/classifier.textproto: " + error));
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << "one line";
  }
  Write("saved/classifier.textproto", about + "classes { label: \"ccc\" name: \"ccc\" texts: 1 }\n");
  EXPECT_EQ(
      Open().err,
      "error: $saved/adapted.safetensors: head/0 has the shape [2, 16] instead of [3, 16], which the spec and the "
      "number of classes ask for\n");
}

TEST_F(SavedClassifierTest, WhatLearnersFitIsCheckedToo) {
  for (const std::string learner : {"proto_net {}", "r2d2 {}", "contrast_net {}", "linear_probe {}", "meta_prompter {}",
                                    "meta_sgd {} inner { class_lr: 0.1 }"}) {
    Save(learner, learner == "linear_probe {}" ? 0 : 1);
    EXPECT_EQ(Open().out, out_) << learner << Open().err;
    std::filesystem::remove(folder_ + "saved/SHA256SUMS");
    Write("saved/classifier.textproto",
          Read("saved/classifier.textproto") + "classes { label: \"ccc\" name: \"ccc\" texts: 1 }\n");
    EXPECT_THAT(Open().err, AllOf(StartsWith("error: $saved/adapted.safetensors: "), HasSubstr(" has the shape [")))
        << learner;
    std::filesystem::remove_all(folder_ + "saved");
    std::filesystem::remove_all(folder_ + "run");
  }
}

}  // namespace
}  // namespace metaprompt

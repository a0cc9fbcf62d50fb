// The `metaprompt` command from outside: what each mistake is answered with, and that none leaves half a run behind.
#include "experiments/cli/command_line.h"

#include <ATen/core/Tensor.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "experiments/runs/run_directory.h"
#include "experiments/spec.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/checkpoints/safetensors.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

// A folder of its own for each test. In arguments, files and messages `$` stands for it.
class CommandLineTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name(), "/");
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    Write("data.tsv", Data(9, 6));
    Write("tiny.textproto", kTiny);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // `classes` classes of `texts` texts each.
  static std::string Data(int classes, int texts) {
    std::string data;
    for (int c = 0; c < classes; ++c) {
      for (int i = 0; i < texts; ++i) {
        absl::StrAppend(&data, "class-", c, "\tthe word ", c * 7, " stands beside number ", i * 31, "\n");
      }
    }
    return data;
  }

  std::string In(absl::string_view text) const { return absl::StrReplaceAll(text, {{"$", folder_}}); }
  void Write(const std::string& name, absl::string_view text) const { WriteBytes(name, In(text)); }
  void WriteBytes(const std::string& name, absl::string_view bytes) const {
    ASSERT_TRUE(WriteFileAtomically(folder_ + name, bytes).ok());
  }
  std::string Read(const std::string& name) const { return ReadFile(folder_ + name).value(); }
  bool Exists(const std::string& name) const { return std::filesystem::exists(folder_ + name); }

  Outcome Command(const std::vector<std::string>& arguments, bool stop = false, bool terminal = false,
                  const std::string& input = "") const {
    std::vector<std::string> here;
    for (const std::string& argument : arguments) {
      here.push_back(In(argument));
    }
    std::ostringstream out;
    std::ostringstream err;
    const std::atomic<bool> stopped(stop);
    Outcome outcome;
    std::istringstream in(input);
    outcome.status = RunCommand(here, {&out, &err, terminal, &stopped, &in});
    outcome.out = out.str();
    outcome.err = absl::StrReplaceAll(err.str(), {{folder_, "$"}});
    return outcome;
  }

  // The error of a command that must fail for a reason in the world, without `error: ` and the end of the line.
  std::string Error(const std::vector<std::string>& arguments, int status = 1) const {
    const Outcome outcome = Command(arguments);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    // Progress may stand before it; nothing may stand after it.
    const size_t begin = outcome.err.rfind("error: ");
    if (begin == std::string::npos || !absl::EndsWith(outcome.err, "\n")) {
      return absl::StrCat("no error line, but: ", outcome.err);
    }
    // Without the hint that follows a damaged line.
    return std::string(absl::StripSuffix(outcome.err.substr(begin + 7, outcome.err.size() - begin - 8),
                                         "\n1 damaged line; dataset.skip_bad_lines: true leaves it out"));
  }
  std::string CheckError(const std::string& set) const { return Error({"check", "$tiny.textproto", "--set", set}); }
  // The error of a spec file that is the tiny one with one part replaced.
  std::string FileError(absl::string_view part, absl::string_view by) const {
    EXPECT_THAT(std::string(kTiny), HasSubstr(std::string(part)));
    Write("bad.textproto", absl::StrReplaceAll(kTiny, {{part, by}}));
    return Error({"check", "$bad.textproto"});
  }
  // The error of a run on other data, and that it leaves no folder.
  std::string DataError(absl::string_view tsv) const {
    Write("bad.tsv", tsv);
    const std::string error = Error({"run", "$tiny.textproto", "--out", "$run", "--set", "dataset.tsv.path=$bad.tsv"});
    EXPECT_FALSE(Exists("run"));
    EXPECT_FALSE(Exists("run.partial"));
    return error;
  }
  std::vector<std::string> RunHere() const { return {"run", "$tiny.textproto", "--out", "$run"}; }
  // Leaves $run.partial with a checkpoint.
  void StoppedRun() const {
    const Outcome stopped = Command(RunHere(), /*stop=*/true);
    ASSERT_EQ(stopped.status, 130) << stopped.err;
    ASSERT_TRUE(Exists("run.partial/checkpoint-1shot.safetensors"));
  }

  static constexpr char kTiny[] =
      "name: 'tiny'\n"
      "dataset { tsv { path: '$data.tsv' } split { shares { train: 0.34 valid: 0.33 } } }\n"
      "model {\n"
      "  tokenizer { vocab_size: 96 }\n"
      "  encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 24 } }\n"
      "}\n"
      "episodes { ways: 2 shots: 1 queries: 2 }\n"
      "learner { inner { steps: 1 } maml { order: FIRST } }\n"
      "train { meta_steps: 2 meta_batch: 1 validate_every: 1 valid_episodes: 2 }\n"
      "test { episodes: 2 }\n"
      "threads: 1\n";

  std::string folder_;
};

TEST_F(CommandLineTest, SpecsOfTheProjectAreSound) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("experiments/specs")) {
    if (entry.is_directory()) {
      continue;
    }
    const absl::StatusOr<ExperimentSpec> spec = LoadSpec(entry.path().string(), {});
    EXPECT_TRUE(spec.ok()) << spec.status();
    if (spec.ok()) {
      std::string name = entry.path().lexically_relative("experiments/specs").replace_extension().string();
      std::replace(name.begin(), name.end(), '/', '-');
      EXPECT_EQ(spec->name(), name) << "a spec's name is its file's";
    }
    ++count;
  }
  EXPECT_GT(count, 0);
}

TEST_F(CommandLineTest, CommandsThatAreNone) {
  const std::string known =
      "; known: run, sweep, show, check, spec, episodes, datasets, bench, encode, export, classify, report, tokenize, "
      "doctor";
  EXPECT_EQ(Error({}, 2), absl::StrCat("a command is missing", known, "; `metaprompt --help` tells more"));
  EXPECT_EQ(Error({"frob"}, 2), absl::StrCat("there is no command 'frob'", known, "; `metaprompt --help` tells more"));
  EXPECT_EQ(Error({"frob", "--help"}, 2), Error({"frob"}, 2));
  EXPECT_EQ(Error({"datasets"}, 2),
            "a command is missing; known: stats, export; `metaprompt datasets --help` tells more");
  EXPECT_EQ(Error({"datasets", "frob"}, 2),
            "there is no command 'frob'; known: stats, export; `metaprompt datasets --help` tells more");
}

TEST_F(CommandLineTest, OptionsThatAreWrong) {
  EXPECT_EQ(Error({"run"}, 2), "SPEC is required; `metaprompt run --help` tells more");
  EXPECT_EQ(Error({"run", "a", "b"}, 2),
            "The following argument was not expected: b; `metaprompt run --help` tells more");
  EXPECT_EQ(Error({"run", "a", "--nope"}, 2),
            "The following argument was not expected: --nope; `metaprompt run --help` tells more");
  EXPECT_EQ(Error({"check", "a", "--set"}, 2),
            "--set: 1 required FIELD=VALUE missing; `metaprompt check --help` tells more");
  EXPECT_EQ(Error({"episodes", "a", "--split", "dev"}, 2),
            "--split: dev not in {train,valid,test}; `metaprompt episodes --help` tells more");
  EXPECT_EQ(Error({"episodes", "a", "--index", "-1"}, 2),
            "--index: Value -1 not in range 0 to 9223372036854775807; `metaprompt episodes --help` tells more");
  EXPECT_EQ(Error({"episodes", "$tiny.textproto", "--save", "$frozen", "--index", "3"}, 2),
            "--index excludes --save; `metaprompt episodes --help` tells more");
  EXPECT_EQ(Error({"bench", "a", "--rounds", "0"}, 2),
            "--rounds: Value 0 not in range 1 to 1000; `metaprompt bench --help` tells more");
}

TEST_F(CommandLineTest, SpecFilesThatCannotBeRead) {
  EXPECT_EQ(Error({"check", "$none.textproto"}), "$none.textproto: No such file or directory");
  EXPECT_EQ(Error({"check", "$"}), "$: Is a directory");
  EXPECT_EQ(Error({"show", "$none"}), "$none: no such run directory");
}

// root reads everything, so root gives that ability up for the while.
TEST_F(CommandLineTest, SpecFilesThatMayNotBeRead) {
  ASSERT_EQ(chmod((folder_ + "tiny.textproto").c_str(), 0), 0);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, 2> before = {};
  ASSERT_EQ(syscall(SYS_capget, &header, before.data()), 0);
  std::array<__user_cap_data_struct, 2> without = before;
  without[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
  ASSERT_EQ(syscall(SYS_capset, &header, without.data()), 0);
  const std::string error = Error({"check", "$tiny.textproto"});
  ASSERT_EQ(syscall(SYS_capset, &header, before.data()), 0);
  EXPECT_EQ(error, "$tiny.textproto: Permission denied");
}

TEST_F(CommandLineTest, SpecTextThatIsWrong) {
  const std::string file = "$bad.textproto:";
  EXPECT_EQ(FileError("'tiny'", "'tiny' }"), file + "1:14: Expected identifier, got: }");
  EXPECT_EQ(FileError("'tiny'", "'tiny"), file + "1:12: String literals cannot cross line boundaries.");
  EXPECT_EQ(FileError("threads: 1", "thread: 1"),
            file + "11:7: Message type \"metaprompt.ExperimentSpec\" has no field named \"thread\".");
  EXPECT_EQ(FileError("order: FIRST", "order: THIRD"),
            file + "8:50: Unknown enumeration value of \"THIRD\" for field \"order\".");
  EXPECT_EQ(FileError("{ steps: 1", "{ steps: 'one'"), file + "8:26: Expected integer, got: 'one'");
  EXPECT_EQ(FileError("meta_steps: 2", "meta_steps: 2147483648"), file + "9:21: Integer out of range (2147483648)");
  EXPECT_EQ(FileError("name: 'tiny'", "name: 'tiny' seed: 18446744073709551616"),
            file + "1:20: Integer out of range (18446744073709551616)");
  EXPECT_EQ(FileError("name: 'tiny'", "name: 'tiny' seed: -1"), file + "1:20: Expected integer, got: -");
  EXPECT_EQ(FileError("threads: 1", "threads: 1 threads: 1"),
            file + "11:19: Non-repeated field \"threads\" is specified multiple times.");
  EXPECT_EQ(FileError("} maml {", "} reptile {} maml {"),
            file + "8:46: Field \"maml\" is specified along with field \"reptile\", another member of oneof \"kind\".");
}

TEST_F(CommandLineTest, SpecValuesThatAreWrongInTheFile) {
  const std::string file = "$bad.textproto: ";
  EXPECT_EQ(FileError("{ steps: 1", "{ steps: -1"), file + "learner.inner.steps is -1; it must be >= 0 and <= 100000");
  EXPECT_EQ(FileError("learner { inner { steps: 1 } maml { order: FIRST } }", ""),
            file +
                "one of these must be set: learner.maml, learner.reptile, learner.anil, learner.meta_sgd, "
                "learner.cavia, learner.imaml, learner.proto_net, learner.proto_maml, learner.r2d2, "
                "learner.contrast_net, learner.meta_prompter, learner.linear_probe");
  EXPECT_EQ(FileError("encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 24 } }", ""),
            file + "model.encoder must be set");
  EXPECT_EQ(FileError("dataset { tsv { path: '$data.tsv' } split { shares { train: 0.34 valid: 0.33 } } }", ""),
            file + "dataset must be set");
  EXPECT_EQ(FileError("shots: 1", ""), file + "episodes.shots must be set");
  EXPECT_EQ(FileError("name: 'tiny'", ""), file + "name must be set");
  EXPECT_EQ(
      FileError("name: 'tiny'", "name: '\\xff'"),
      file + "name: not valid UTF-8 at byte 1\n" + file + "name is '\\xff'; it may hold letters, digits, - and _ only");
  // Every broken rule is told, a line each.
  EXPECT_EQ(FileError("test { episodes: 2 }\nthreads: 1\n", "test { episodes: 1 }\nthreads: -1\n"),
            file + "test.episodes is 1; it must be >= 2 and <= 1000000\n" + file +
                "threads is -1; it must be >= 0 and <= 1024");
}

TEST_F(CommandLineTest, SpecValuesThatAreWrongOnTheCommandLine) {
  const std::string file = "$tiny.textproto: ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"learner.inner.steps=-1", "learner.inner.steps is -1; it must be >= 0 and <= 100000"},
      {"learner.inner.prompt_lr=nan", "learner.inner.prompt_lr is nan; it must be >= 0 and <= 100"},
      {"learner.inner.prompt_lr=inf", "learner.inner.prompt_lr is inf; it must be >= 0 and <= 100"},
      {"learner.inner.prompt_lr=1e999", "learner.inner.prompt_lr is inf; it must be >= 0 and <= 100"},
      {"learner.inner.prompt_lr=-1", "learner.inner.prompt_lr is -1; it must be >= 0 and <= 100"},
      {"learner.inner.class_lr=1001", "learner.inner.class_lr is 1001; it must be >= 0 and <= 1000"},
      {"learner.proto_net=", "learner.inner is set; learner.proto_net has no inner steps"},
      {"learner.anil=", "learner.inner.class_lr is 0; learner.anil adapts the class vectors alone: it must be above 0"},
      {"learner.adapts.part=LORA", "learner.adapts.part is LORA; set model.lora.rank above 0"},
      {"learner.learns.part=LORA", "learner.learns.part is LORA; set model.lora.rank above 0"},
      {"learner.meta_optimizer.word_lr=-1", "learner.meta_optimizer.word_lr is -1; it must be >= 0 and <= 10"},
      {"episodes.word_tasks=1.5", "episodes.word_tasks is 1.5; it must be >= 0 and <= 1"},
      {"episodes.shots=0", "episodes.shots[0] is 0; it must be >= 1 and <= 1000"},
      {"episodes.shots=", "episodes.shots must be set"},
      {"episodes.shots=1,5,1", "episodes.shots names 1 twice"},
      {"episodes.ways=1", "episodes.ways is 1; it must be >= 2 and <= 1000"},
      {"episodes.train_ways=1", "episodes.train_ways is 1; it must be 0 or >= 2"},
      {"model.encoder.bert.heads=3", "model.encoder.bert.width is 16; it must be a multiple of heads, 3"},
      {"model.encoder.bert.heads=0", "model.encoder.bert.heads is 0; it must be >= 1 and <= 256"},
      {"model.prompt.template={text} only", "model.prompt.template: {mask} must occur once; it occurs 0 times"},
      {"model.prompt.template={text} {text} {mask}",
       "model.prompt.template: {text} must occur once; it occurs 2 times"},
      {"model.prompt.template={text} {mask} {label}",
       "model.prompt.template: '{label}' is none of {text}, {mask}, <soft> and <soft:N>"},
      {"model.prompt.template={text} {mask} <soft:0>", "model.prompt.template: <soft:0> must have 1 to 1000 vectors"},
      {"model.prompt.template=\xff{text}{mask}", "model.prompt.template: not valid UTF-8 at byte 1"},
      {std::string("dataset.tsv.path=a\0b", 20), "dataset.tsv.path: it holds a zero byte"},
      {"name=a/b", "name is 'a/b'; it may hold letters, digits, - and _ only"},
      {"name=", "name must be set"},
      {"train.meta_batch=0", "train.meta_batch is 0; it must be >= 1 and <= 10000"},
  };
  for (const auto& [set, message] : cases) {
    EXPECT_EQ(CheckError(set), file + message) << set;
  }
}

TEST_F(CommandLineTest, AssignmentsThatAreWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"train", "--set train: expected FIELD=VALUE, as in learner.inner.steps=5"},
      {"=3", "--set =3: expected FIELD=VALUE, as in learner.inner.steps=5"},
      {"nam=3",
       "--set nam: there is no field 'nam'; known: name, seed, dataset, model, episodes, learner, train, test, "
       "threads, tasks_together, device, precision"},
      {"test.episode=3",
       "--set test.episode: there is no field 'episode' in test; known: episodes, baseline, manifest"},
      {"seed.x=3", "--set seed.x: seed has no fields"},
      {"train.meta_steps=many", "--set train.meta_steps: 'many' is not a whole number (Expected integer, got: many)"},
      {"train.meta_steps=1.5", "--set train.meta_steps: '1.5' is not a whole number (Expected integer, got: 1.5)"},
      {"train.meta_steps=2147483648",
       "--set train.meta_steps: '2147483648' is not a whole number (Integer out of range (2147483648))"},
      {"seed=-1", "--set seed: '-1' is not a whole number >= 0 (Expected integer, got: -)"},
      {"seed=18446744073709551616",
       "--set seed: '18446744073709551616' is not a whole number >= 0 (Integer out of range (18446744073709551616))"},
      {"seed=1 threads: 7", "--set seed: '1 threads: 7' is not a whole number >= 0"},
      {"learner.maml.order=THIRD", "--set learner.maml.order: 'THIRD' is none of SECOND, FIRST"},
      {"test.baseline=maybe",
       "--set test.baseline: 'maybe' is not true or false (Invalid value for boolean field \"baseline\". Value: "
       "\"maybe\".)"},
      {"model.encoder.bert=3", "--set model.encoder.bert: '3' is not a group of fields (Expected identifier, got: 3)"},
  };
  for (const auto& [set, message] : cases) {
    EXPECT_EQ(CheckError(set), message) << set;
  }
}

TEST_F(CommandLineTest, AssignmentsThatAreRight) {
  const Outcome checked =
      Command({"check", "$tiny.textproto", "--set", "seed=18446744073709551615", "--set", "episodes.shots=1,2", "--set",
               "train={meta_steps: 7}", "--set", "learner.reptile.train_on_query=false"});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_THAT(checked.out, AllOf(HasSubstr("seed: 18446744073709551615\n"), HasSubstr("shots: [1, 2]\n"),
                                 HasSubstr("meta_steps: 7\n"), HasSubstr("reptile {\n    train_on_query: false\n"),
                                 Not(HasSubstr("maml")), HasSubstr("init_std: 0.02\n")));
}

TEST_F(CommandLineTest, DataThatIsWrong) {
  EXPECT_EQ(DataError("a\tone\nb two\n"), "$bad.tsv:2: no tab between label and text");
  EXPECT_EQ(DataError("a\tone\n \ttwo\n"), "$bad.tsv:2: empty label");
  EXPECT_EQ(DataError("a\t \n"), "$bad.tsv:1: empty text");
  EXPECT_EQ(DataError("a\tone\ttwo\n"), "$bad.tsv:1: more than one tab; a line is one label, one tab and one text");
  EXPECT_EQ(DataError("a\tone\nb\tt\xffo\n"), "$bad.tsv:2: not valid UTF-8 at byte 4");
  EXPECT_EQ(DataError(""), "$bad.tsv: no text in this file");
  EXPECT_EQ(DataError(Data(4, 6)), "episodes.ways is 2, but there are only 1 train classes");
  EXPECT_EQ(DataError(Data(9, 6) + "class-9\tone\nclass-9\ttwo\n"),
            "an episode needs shots + queries = 1 + 2 texts of a class; these train classes have fewer: 'class-9' (2)");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "dataset.tsv.path=$none.tsv"}),
            "$none.tsv: No such file or directory");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "episodes.ways=4"}),
            "episodes.ways is 4, but there are only 3 train classes");
  EXPECT_FALSE(Exists("run.partial"));
}

TEST_F(CommandLineTest, JsonLinesThatAreWrong) {
  const auto error = [&](absl::string_view lines) {
    Write("bad.jsonl", lines);
    return Error({"datasets", "stats", "$tiny.textproto", "--set", "dataset.jsonl.path=$bad.jsonl"});
  };
  EXPECT_EQ(error("{\"label\": \"a\", \"text\": \"one\"}\n{\"label\": \"a\", \n"), "$bad.jsonl:2: not valid JSON");
  EXPECT_EQ(error("[1]\n"), "$bad.jsonl:1: not a JSON object");
  EXPECT_EQ(error("{\"text\": \"one\"}\n"), "$bad.jsonl:1: no field 'label'; the object has: text");
  EXPECT_EQ(error("{\"text\": 5, \"label\": \"a\"}\n"),
            "$bad.jsonl:1: field 'text' is '5'; it must be a string or an array of strings");
  const std::string deep = std::string(300000, '[') + std::string(300000, ']');
  EXPECT_EQ(error(absl::StrCat("{\"text\": ", deep, ", \"label\": \"a\"}\n")),
            "$bad.jsonl:1: field 'text' is an array; it must be a string or an array of strings");
}

// The ids of pieces are their lines in vocab.txt, from 0.
TEST_F(CommandLineTest, TextsAsTokens) {
  Write("config.json", R"({"model_type": "bert"})");
  Write("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\nword\n##s\n[\nmask\n]\n");
  const auto tokens = [&](std::vector<std::string> options, const std::string& input) {
    options.insert(options.begin(), {"tokenize", "--encoder", "$"});
    const Outcome outcome = Command(options, /*stop=*/false, /*terminal=*/false, input);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  };
  EXPECT_EQ(tokens({}, "The words\n[MASK] \xFFxyz\n"), "2 5 6 7 3\n2 4 1 3\n");
  EXPECT_EQ(tokens({"--plain-text"}, "The [MASK]"), "2 5 8 9 10 3\n");
  EXPECT_EQ(tokens({"--no-special-tokens"}, "\n\nthe\r\nthe"), "\n\n5\n5\n");
  EXPECT_EQ(tokens({"--pieces"}, "the words"), "[CLS] the word ##s [SEP]\n");
  EXPECT_EQ(tokens({}, ""), "");
  Write("texts", "word\n");
  EXPECT_EQ(tokens({"$texts"}, "the"), "2 6 3\n");
}

TEST_F(CommandLineTest, TextsThatCannotBeTokenized) {
  EXPECT_EQ(Error({"tokenize"}, 2), "--encoder is required; `metaprompt tokenize --help` tells more");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$none"}),
            "$none: no such folder here (a checkpoint is a folder on this machine; none is downloaded)");
  Write("config.json", R"({"model_type": "bert"})");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$"}), "$: neither vocab.txt nor tokenizer.json is there");
  Write("vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[MASK]\n");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$", "$none"}), "$none: No such file or directory");
  EXPECT_EQ(Error({"tokenize", "--encoder", "$", "$"}), "$: Is a directory");
}

TEST_F(CommandLineTest, TokenizersThatAreWrong) {
  const auto error = [&](const std::string& set) {
    const std::string message = Error({"run", "$tiny.textproto", "--out", "$run", "--set", set});
    EXPECT_FALSE(Exists("run.partial"));
    return message;
  };
  Write("bad.model", "no tokenizer");
  EXPECT_EQ(error("model.tokenizer.path=$bad.model"), "$bad.model: not a sentencepiece model");
  EXPECT_EQ(error("model.tokenizer.path=$none.model"), "$none.model: No such file or directory");
  EXPECT_THAT(error("model.tokenizer.vocab_size=100000"),
              StartsWith("model.tokenizer.vocab_size is 100000; sentencepiece says: Vocabulary size too high (100000). "
                         "Please set it to a value <= "));
  EXPECT_EQ(error("model.prompt.template={text} {mask} <soft:40>"),
            "model.prompt.template: the prompt alone takes 43 of the 24 tokens that the encoder takes");
}

TEST_F(CommandLineTest, RunDirectoriesThatAreTaken) {
  const Outcome run = Command(RunHere());
  ASSERT_EQ(run.status, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr(folder_ + "run/record.textproto\n"));
  EXPECT_EQ(Error(RunHere()), "$run: the run directory exists; name another with --out, or remove it");
  EXPECT_THAT(Command({"show", "$run"}).out, HasSubstr("meta-learned"));
  EXPECT_THAT(Command({"report", "$run", "$run"}).out,
              AllOf(HasSubstr("\n  tiny   maml      meta-learned     encoder, soft prompt       1 "),
                    HasSubstr("run is left out: the same spec and seed as ")));
  EXPECT_EQ(Command({"report", "$run", "--out", "$report.html"}).out, "");
  EXPECT_THAT(Read("report.html"), StartsWith("<!DOCTYPE html>\n"));
  EXPECT_EQ(Error({"report", "$run", "--out", "$none/report.html"}),
            "cannot write $none/report.html: No such file or directory");
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$data.tsv/run"}),
            "cannot make $data.tsv/run.partial: Not a directory");
  const auto held = RunDirectory::Open(folder_ + "held", "another");
  ASSERT_TRUE(held.ok());
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$held"}),
            "$held.partial: another process is working on this run");
  EXPECT_TRUE(Exists("held.partial/spec.textproto")) << "what another process works on must stay";
}

TEST_F(CommandLineTest, StoppedRunsOfSomethingElse) {
  StoppedRun();
  EXPECT_EQ(Error({"run", "$tiny.textproto", "--out", "$run", "--set", "seed=1"}),
            "$run.partial: a stopped run of another spec lies there; name another folder with --out, or remove it");
  const std::string data = Read("data.tsv");
  Write("data.tsv", data + "class-0\tone more\n");
  EXPECT_EQ(Error(RunHere()),
            "$run.partial: the data has changed since this run began; name another folder with --out");
  Write("data.tsv", "");
  EXPECT_EQ(Error(RunHere()), "$data.tsv: no text in this file");
  Write("data.tsv", data);
  EXPECT_EQ(Command(RunHere()).status, 0) << "none of these errors may harm the stopped run";
}

TEST_F(CommandLineTest, CheckpointsThatAreDamaged) {
  StoppedRun();
  const std::string name = "run.partial/checkpoint-1shot.safetensors";
  const std::string remedy = "; remove the file to train from the beginning";
  const std::string whole = Read(name);
  WriteBytes(name, whole.substr(0, whole.size() / 2));
  EXPECT_THAT(Error(RunHere()), AllOf(StartsWith("$" + name + ": not a whole safetensors file: tensor '"),
                                      HasSubstr("the file may be cut short"), HasSubstr(remedy)));
  Write(name, "");
  EXPECT_EQ(Error(RunHere()), "$" + name + ": not a whole safetensors file: it has 0 bytes" + remedy);

  TensorFile file = ParseSafetensors(whole, "whole").value();
  std::swap(file.tensors[0].second, file.tensors[1].second);
  WriteBytes(name, SafetensorsBytes(file));
  EXPECT_EQ(Error(RunHere()), "$" + name +
                                  ": tensor 'params/bert.embeddings.word_embeddings.weight' has shape [24, 16] "
                                  "instead of [96, 16]" +
                                  remedy);
  std::swap(file.tensors[0].second, file.tensors[1].second);
  const at::Tensor words = file.tensors[0].second;
  file.tensors[0].second = words.to(at::kHalf);
  WriteBytes(name, SafetensorsBytes(file));
  EXPECT_EQ(Error(RunHere()), "$" + name +
                                  ": tensor 'params/bert.embeddings.word_embeddings.weight' has numbers of type Half "
                                  "instead of Float (F32)" +
                                  remedy);
  file.tensors[0].second = words;
  file.metadata.clear();
  WriteBytes(name, SafetensorsBytes(file));
  EXPECT_EQ(Error(RunHere()), "$" + name + ": it holds no training progress" + remedy);

  std::filesystem::remove(folder_ + name);
  EXPECT_EQ(Command(RunHere()).status, 0) << "the remedy must be one";
}

TEST_F(CommandLineTest, TestResultsThatAreDamaged) {
  StoppedRun();
  const std::string name = "run.partial/test-1shot-random.tsv";
  Write(name, "0.5\t0 1 0 1\n0.5");
  EXPECT_EQ(Error(RunHere()), "$" + name + ":2: not an episode's line; remove the file to test again");
  Write(name, "0.5\t0 1 0 1\n0.5\t0 1 0 1\n0.5\t0 1 0 1\n");
  EXPECT_EQ(Error(RunHere()), "$" + name + ":3: not an episode's line; remove the file to test again");
  std::filesystem::remove(folder_ + name);
  EXPECT_EQ(Command(RunHere()).status, 0);
}

TEST_F(CommandLineTest, RecordsThatAreDamaged) {
  std::filesystem::create_directory(folder_ + "run");
  Write("run/record.textproto", "version: 1\nresult {");
  EXPECT_EQ(Error({"show", "$run"}),
            "$run/record.textproto:2:8: Message type \"metaprompt.RunRecord\" has no field named \"result\".");
  Write("run/record.textproto", "results { shots: 1 tests { initialisation: 'random' } } results { shots: 5 }");
  EXPECT_EQ(Command({"show", "$run"}).status, 0);
}

TEST_F(CommandLineTest, StandardOutputThatTakesNothing) {
  std::istringstream in;
  std::ostringstream err;
  std::ostringstream out;
  out.setstate(std::ios::badbit);
  const std::atomic<bool> stop(false);
  EXPECT_EQ(RunCommand({"spec"}, {&out, &err, false, &stop, &in}), 1);
  EXPECT_EQ(err.str(), "error: cannot write to the standard output\n");
}

// The process that runs again inside a mount namespace of its own, where $disk is a file system of one megabyte.
constexpr char kInside[] = "METAPROMPT_TEST_FULL_DISK";
constexpr int kNotAllowed = 77;

// What makes a user who is not root one inside a user namespace: files below /proc/self and what goes into them.
using IdMaps = std::vector<std::pair<const char*, std::string>>;

// Between fork and exec: system calls alone.
void RunInsideSmallDisk(const char* disk, const IdMaps& maps, char** argv, char** environment) {
  if (unshare(maps.empty() ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) {
    _exit(kNotAllowed);
  }
  for (const auto& [path, text] : maps) {
    const int file = open(path, O_WRONLY);
    if (write(file, text.data(), text.size()) < 0) {
      _exit(kNotAllowed);
    }
    close(file);
  }
  if (mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      mount("tmpfs", disk, "tmpfs", 0, "size=1m") != 0) {
    _exit(kNotAllowed);
  }
  execve("/proc/self/exe", argv, environment);
  _exit(1);
}

TEST_F(CommandLineTest, DiskThatIsFull) {
  const char* inside = std::getenv(kInside);
  if (inside == nullptr) {
    const std::string disk = folder_ + "disk";
    std::filesystem::create_directory(disk);
    std::vector<std::string> environment = {absl::StrCat(kInside, "=", disk)};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      // The inner process writes no report over this one's, and keeps off its folder.
      if (!absl::StartsWith(*variable, "XML_OUTPUT_FILE=") && !absl::StartsWith(*variable, "TEST_TMPDIR=")) {
        environment.emplace_back(*variable);
      }
    }
    environment.push_back(absl::StrCat("TEST_TMPDIR=", folder_, "inner"));
    std::vector<std::string> arguments = {"test", "--gtest_filter=CommandLineTest.DiskThatIsFull"};
    const auto pointers = [](std::vector<std::string>& strings) {
      std::vector<char*> all;
      for (std::string& string : strings) {
        all.push_back(string.data());
      }
      all.push_back(nullptr);
      return all;
    };
    std::vector<char*> argv = pointers(arguments);
    std::vector<char*> envp = pointers(environment);
    IdMaps maps;
    if (geteuid() != 0) {
      maps = {{"/proc/self/setgroups", "deny"},
              {"/proc/self/uid_map", absl::StrCat("0 ", geteuid(), " 1")},
              {"/proc/self/gid_map", absl::StrCat("0 ", getegid(), " 1")}};
    }
    const pid_t child = fork();
    if (child == 0) {
      RunInsideSmallDisk(disk.c_str(), maps, argv.data(), envp.data());
    }
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    if (WEXITSTATUS(status) == kNotAllowed) {
      GTEST_SKIP() << "this system does not let the test mount a small disk";
    }
    EXPECT_EQ(WEXITSTATUS(status), 0);
    return;
  }
  const std::string disk = inside;
  // The best parameters fit beside the tokenizer, a checkpoint of three times that does not.
  const std::vector<std::string> run = {"run",   "$tiny.textproto", "--set", "model.encoder.bert.intermediate=2000",
                                        "--out", disk + "/run"};
  const std::string partial = disk + "/run.partial";
  EXPECT_EQ(Error(run),
            absl::StrCat("cannot write ", partial, "/checkpoint-1shot.safetensors: No space left on device"));
  for (const auto& entry : std::filesystem::directory_iterator(partial)) {
    EXPECT_THAT(entry.path().string(), Not(HasSubstr(".tmp")));
    EXPECT_NE(entry.path().filename(), "checkpoint-1shot.safetensors");
  }
  // With room again, the same command finishes.
  ASSERT_EQ(mount("none", disk.c_str(), nullptr, MS_REMOUNT, "size=16m"), 0);
  const Outcome again = Command(run);
  EXPECT_EQ(again.status, 0) << again.err;
}

TEST_F(CommandLineTest, HelpNamesEveryCommand) {
  const Outcome help = Command({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_EQ(help.err, "");
  for (const char* name : {"run", "sweep", "show", "check", "spec", "episodes", "datasets", "bench", "encode", "export",
                           "classify", "report", "tokenize", "doctor"}) {
    EXPECT_THAT(help.out, HasSubstr(absl::StrCat("\n  ", name, "  ")));
    const Outcome own = Command({name, "--help"});
    EXPECT_EQ(own.status, 0);
    EXPECT_THAT(own.out, HasSubstr(absl::StrCat("Usage: metaprompt ", name)));
  }
}

TEST_F(CommandLineTest, SpecDescribesFields) {
  const Outcome all = Command({"spec"});
  EXPECT_EQ(all.status, 0);
  EXPECT_THAT(all.out, HasSubstr("\nlearner.inner.steps  [whole number, default 3, >= 0 and <= 100000]\n"
                                 "    gradient steps on the support set\n"));
  const Outcome one = Command({"spec", "learner.inner.steps"});
  EXPECT_EQ(one.status, 0);
  EXPECT_EQ(one.out,
            "learner.inner.steps  [whole number, default 3, >= 0 and <= 100000]\n"
            "    gradient steps on the support set\n");
  EXPECT_THAT(Command({"spec", "test"}).out, AllOf(StartsWith("test.episodes  ["), Not(HasSubstr("train."))));
  EXPECT_EQ(Error({"spec", "test.frob"}), "there is no field 'test.frob'; known here: episodes, baseline, manifest");
  EXPECT_EQ(Error({"spec", "seed.frob"}), "there is no field 'seed.frob'");
}

TEST_F(CommandLineTest, EpisodesAreTheSameEachTime) {
  const Outcome first = Command({"episodes", "$tiny.textproto"});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_THAT(first.out, StartsWith("episode 0 of test, seed 0: 2-way 1-shot, 2 queries a class\n"
                                    "part\tway\tlabel\tnumber\ttext\nsupport\t0\tclass-"));
  const std::vector<std::string> lines = absl::StrSplit(first.out, '\n');
  EXPECT_EQ(lines.size(), 2 + 2 * (1 + 2) + 1);  // two of head, the texts, and what follows the last end of line
  EXPECT_EQ(Command({"episodes", "$tiny.textproto"}).out, first.out);
  const std::vector<std::string> fifth = {"episodes", "$tiny.textproto", "--index", "5", "--split", "valid"};
  const std::string before = Command(fifth).out;
  EXPECT_THAT(before, StartsWith("episode 5 of valid, seed 0: "));
  EXPECT_EQ(Command(fifth).out, before);
  EXPECT_EQ(Error({"episodes", "$tiny.textproto", "--shots", "9"}),
            "an episode needs shots + queries = 9 + 2 texts of a class; these test classes have fewer: "
            "'class-0' (6), 'class-2' (6), 'class-3' (6)");
}

TEST_F(CommandLineTest, DatasetsCanBeLookedAt) {
  const Outcome stats = Command({"datasets", "stats", "$tiny.textproto"});
  EXPECT_EQ(stats.status, 0) << stats.err;
  EXPECT_THAT(stats.out, AllOf(HasSubstr("class-0"), HasSubstr("class 0"), HasSubstr("sha256")));
  const Outcome text = Command({"datasets", "export", "$tiny.textproto"});
  EXPECT_THAT(text.out, HasSubstr("\tclass-0\tclass 0\tthe word 0 stands beside number 0\n"));
  EXPECT_THAT(stats.out, HasSubstr(Sha256(text.out)));
  // Nothing else need be in the file.
  Write("alone.textproto", "dataset { tsv { path: '$data.tsv' } split { shares { train: 0.34 valid: 0.33 } } }");
  EXPECT_EQ(Command({"datasets", "stats", "$alone.textproto"}).out, stats.out);
  EXPECT_EQ(Error({"datasets", "stats", "$alone.textproto", "--set", "dataset.split.shares.train=2"}),
            "$alone.textproto: dataset.split.shares.train is 2; it must be > 0 and < 1");
  Write("alone.textproto", "name: 'none'");
  EXPECT_EQ(Error({"datasets", "stats", "$alone.textproto"}), "$alone.textproto: dataset must be set");
}

TEST_F(CommandLineTest, DoctorTellsWhatABugReportNeeds) {
  const Outcome doctor = Command({"doctor", "--threads", "1"});
  EXPECT_EQ(doctor.status, 0);
  for (const char* line : {"metaprompt", "system", "processor", "flags", "LibTorch", "protobuf", "BLAS", "BLAS kernel",
                           "threads", "SGEMM", "GPU"}) {
    EXPECT_THAT("\n" + doctor.out, HasSubstr(absl::StrCat("\n", line, " "))) << doctor.out;
  }
  EXPECT_THAT(doctor.out, HasSubstr(" GFLOP/s (1024 x 1024 x 1024, float32, 1 threads)"));
}

}  // namespace
}  // namespace metaprompt

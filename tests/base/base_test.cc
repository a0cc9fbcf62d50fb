// The base library: files that are written completely or not at all, errors of commands, and spec fields with their
// rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/experiment.pb.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/process.h"
#include "metaprompt/specs/field_rules.h"
#include "metaprompt/specs/only_with.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// A new folder, named for the test.
std::string Folder() {
  std::string folder =
      absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name(), "/");
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

int CountFiles(const std::string& folder) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    (void)entry;
    ++count;
  }
  return count;
}

TEST(FilesTest, WritesAndReadsAnyBytes) {
  const std::string path = Folder() + "file";
  const std::string bytes("\0\xff\n", 3);
  ASSERT_TRUE(WriteFileAtomically(path, bytes).ok());
  EXPECT_EQ(ReadFile(path).value(), bytes);
  ASSERT_TRUE(WriteFileAtomically(path, "").ok());
  EXPECT_EQ(ReadFile(path).value(), "");
}

TEST(FilesTest, FailedWriteLeavesTheOldFileAlone) {
  const std::string folder = Folder();
  const std::string path = folder + "file";
  ASSERT_TRUE(WriteFileAtomically(path, "old").ok());
  // For a while, no file may grow beyond ten bytes.
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small = {10, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = WriteFileAtomically(path, "more than ten bytes");
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.message(), absl::StrCat("cannot write ", path, ": File too large"));
  EXPECT_EQ(ReadFile(path).value(), "old");
  EXPECT_EQ(CountFiles(folder), 1) << "a temporary file is left";
}

TEST(FilesTest, WriteErrorsNameThePath) {
  const std::string folder = Folder();
  EXPECT_EQ(WriteFileAtomically(folder + "none/file", "x").message(),
            absl::StrCat("cannot write ", folder, "none/file: No such file or directory"));
  std::filesystem::create_directory(folder + "directory");
  EXPECT_EQ(WriteFileAtomically(folder + "directory", "x").message(),
            absl::StrCat("cannot write ", folder, "directory: Is a directory"));
  EXPECT_EQ(CountFiles(folder), 1);
}

TEST(FilesTest, ReadErrorsNameThePath) {
  const std::string folder = Folder();
  EXPECT_EQ(ReadFile(folder + "none").status(),
            absl::NotFoundError(absl::StrCat(folder, "none: No such file or directory")));
  EXPECT_EQ(ReadFile(folder).status().message(), absl::StrCat(folder, ": Is a directory"));
}

TEST(FilesTest, CommandOutputIsStandardOutputAlone) {
  EXPECT_EQ(CommandOutput({"sh", "-c", "echo out; echo err >&2"}).value(), "out\n");
  EXPECT_EQ(CommandOutput({"printf", "%s", "$HOME; `ls`"}).value(), "$HOME; `ls`") << "no shell may see it";
  // More output on both streams than a pipe can buffer.
  const absl::StatusOr<std::string> much =
      CommandOutput({"sh", "-c", "head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero"});
  EXPECT_EQ(much.value().size(), 300000);
}

TEST(FilesTest, CommandErrorsSayWhatTheCommandSaid) {
  EXPECT_EQ(CommandOutput({"sh", "-c", "echo first >&2; echo last >&2; exit 3"}).status().message(),
            "`sh -c echo first >&2; echo last >&2; exit 3` failed: last");
  EXPECT_EQ(CommandOutput({"false"}).status().message(), "`false` failed");
  EXPECT_EQ(CommandOutput({"sh", "-c", "kill -9 $$"}).status().message(), "`sh -c kill -9 $$` failed");
  EXPECT_EQ(CommandOutput({"metaprompt-no-such-program", "-x"}).status(),
            absl::NotFoundError("`metaprompt-no-such-program -x`: metaprompt-no-such-program is not installed"));
}

TEST(ProcessTest, AProgramRunsBesideThisOne) {
  const std::string log = Folder() + "log";
  const auto ended = [](pid_t child) {
    for (int i = 0; i < 60000; ++i) {
      if (const std::optional<ProcessEnd> end = EndOf(child); end.has_value()) {
        return *end;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return ProcessEnd{-1, -1};
  };
  const ProcessEnd failed =
      ended(StartProgram("/bin/sh", {"name", "-c", "echo $0; echo err >&2; exit 3"}, log).value());
  EXPECT_EQ(failed.exit_status, 3);
  EXPECT_EQ(failed.signal, 0);
  const pid_t sleeper = StartProgram("/bin/sh", {"sh", "-c", "exec sleep 60"}, log).value();
  EXPECT_FALSE(EndOf(sleeper).has_value());
  ASSERT_EQ(kill(sleeper, SIGTERM), 0);
  EXPECT_EQ(ended(sleeper).signal, SIGTERM);
  EXPECT_EQ(ended(StartProgram("/no/such/program", {"x"}, log).value()).exit_status, 127);
  EXPECT_EQ(ReadFile(log).value(), "name\nerr\nerror: cannot start the program\n");
}

TEST(ProcessTest, WorkInACopyOfThisProcess) {
  const absl::StatusOr<MeasuredWork> done = InOwnProcess([] {
    const std::string large(100 << 20, 'x');
    return absl::StatusOr<double>(static_cast<double>(large.find('y') == std::string::npos ? 2.5 : 0));
  });
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->result, 2.5);
  EXPECT_GT(done->peak_mib, 100);
  EXPECT_EQ(InOwnProcess([] { return absl::StatusOr<double>(absl::InternalError("why")); }).status().message(),
            "the measured process failed");
}

TEST(FilesTest, Sha256OfKnownTexts) {  // FIPS 180-2, appendix B.1, and the empty text
  EXPECT_EQ(Sha256("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256Stream pieces;
  pieces.Add("a");
  pieces.Add("");
  pieces.Add("bc");
  EXPECT_EQ(pieces.Finish(), Sha256("abc"));
}

TEST(SpecFieldsTest, ParseErrorsNameLineAndColumn) {
  ExperimentSpec spec;
  EXPECT_TRUE(ParseSpec("name: 'a'\n# a comment\nseed: 3", "f", &spec).ok());
  EXPECT_EQ(spec.seed(), 3);
  EXPECT_EQ(ParseSpec("name: 'a'\n seed: x", "f", &spec).message(), "f:2:8: Expected integer, got: x");
  EXPECT_TRUE(ParseSpec("\xef\xbb\xbfname: 'a'", "f", &spec).ok());
  EXPECT_EQ(
      ParseSpec("\tname: '\xc3\xa9' seed: \xef\xbc\x94", "f", &spec).message(),
      "f:1:26: the character '\xef\xbc\x94' is outside of a string; strings are in straight quotes: \"...\" or '...'");
  EXPECT_EQ(
      ParseSpec("name: \xe2\x80\x9c"
                "a\xe2\x80\x9d",
                "f", &spec)
          .message(),
      "f:1:7: the character '\xe2\x80\x9c' is outside of a string; strings are in straight quotes: \"...\" or '...'");
}

TEST(SpecFieldsTest, AssignmentsOfEveryType) {
  ExperimentSpec spec;
  for (const char* set : {"name=a=b c", "seed=18446744073709551615", "episodes.shots=1, 5", "learner.maml.order=FIRST",
                          "learner.inner.encoder_lr=1e-3", "test.baseline=false", "train={meta_steps: 3}",
                          "train.patience=0", "dataset.split.lists.test=x y,z"}) {
    EXPECT_TRUE(SetField(set, &spec).ok()) << set;
  }
  EXPECT_EQ(spec.name(), "a=b c");
  EXPECT_EQ(spec.seed(), 18446744073709551615U);
  EXPECT_THAT(spec.episodes().shots(), ElementsAre(1, 5));
  EXPECT_EQ(spec.learner().maml().order(), MamlSpec::FIRST);
  EXPECT_EQ(spec.learner().inner().encoder_lr(), 1e-3);
  EXPECT_FALSE(spec.test().baseline());
  EXPECT_EQ(spec.train().meta_steps(), 3);
  EXPECT_TRUE(spec.train().has_patience());
  EXPECT_THAT(spec.dataset().split().lists().test(), ElementsAre("x y", "z"));
  // A list is replaced, not extended; a choice of a oneof replaces the others.
  ASSERT_TRUE(SetField("episodes.shots=2", &spec).ok());
  EXPECT_THAT(spec.episodes().shots(), ElementsAre(2));
  ASSERT_TRUE(SetField("learner.reptile=", &spec).ok());
  EXPECT_TRUE(spec.learner().has_reptile());
}

TEST(SpecFieldsTest, BrokenRulesNameFieldValueAndRange) {
  TrainSpec train;
  EXPECT_THAT(BrokenRules(train), IsEmpty());
  train.set_meta_steps(-1);
  train.set_meta_batch(10001);
  EXPECT_THAT(BrokenRules(train), ElementsAre("meta_steps is -1; it must be >= 0 and <= 100000000",
                                              "meta_batch is 10001; it must be >= 1 and <= 10000"));
  LearnerSpec learner;
  EXPECT_THAT(BrokenRules(learner), ElementsAre(StartsWith("one of these must be set: maml, reptile, ")));
  learner.mutable_maml()->mutable_multi_step()->set_epochs(0);
  EXPECT_THAT(BrokenRules(learner), ElementsAre("maml.multi_step.epochs is 0; it must be >= 1 and <= 1000000"));
  EpisodeSpec episodes;
  episodes.add_shots(1);
  episodes.add_shots(0);
  EXPECT_THAT(BrokenRules(episodes), ElementsAre("shots[1] is 0; it must be >= 1 and <= 1000"));
}

TEST(SpecFieldsTest, DefaultsAreWrittenOutWhereTheyWereUsed) {
  LearnerSpec spec;
  spec.mutable_maml();
  spec.mutable_inner()->set_steps(7);
  WriteOutDefaults(&spec);
  EXPECT_EQ(spec.inner().steps(), 7);
  EXPECT_TRUE(spec.inner().has_encoder_lr());
  EXPECT_TRUE(spec.maml().has_order());
  EXPECT_FALSE(spec.maml().has_multi_step()) << "its presence switches it on";
  EXPECT_FALSE(spec.has_meta_optimizer());
  const LearnerSpec once = spec;
  WriteOutDefaults(&spec);
  EXPECT_EQ(SpecText(spec), SpecText(once));
  LearnerSpec back;
  ASSERT_TRUE(ParseSpec(SpecText(spec), "text", &back).ok());
  EXPECT_EQ(SpecText(back), SpecText(spec));
}

TEST(SpecFieldsTest, SettingsWithoutEffectCanBeCleared) {
  ExperimentSpec spec;
  ASSERT_TRUE(ParseSpec("model { verbalizer { temperature: 20 } } learner { inner { beta1: 0.5 steps: 7 } meta_test { "
                        "inner { optimizer: ADAMW beta1: 0.25 } batch: 4 } }",
                        "text", &spec)
                  .ok());
  EXPECT_THAT(SettingsWithoutEffect(spec, "a."),
              ElementsAre(StartsWith("a.model.verbalizer.temperature has no effect: it is used only if "
                                     "a.model.verbalizer.kind is PROTOTYPE"),
                          StartsWith("a.learner.inner.beta1 "), StartsWith("a.learner.meta_test.batch ")));
  ClearSettingsWithoutEffect(&spec);
  EXPECT_THAT(SettingsWithoutEffect(spec), IsEmpty());
  EXPECT_EQ(
      SpecText(spec),
      "model {\n  verbalizer {\n  }\n}\nlearner {\n  inner {\n    steps: 7\n  }\n  meta_test {\n    inner {\n      "
      "optimizer: ADAMW\n      beta1: 0.25\n    }\n  }\n}\n");
}

TEST(SpecFieldsTest, EveryFieldHasAMeaning) {
  std::string text;
  ASSERT_TRUE(DescribeFields(ExperimentSpec(), "", &text).ok());
  EXPECT_THAT(text, StartsWith("name  [text, required]\n    letters, digits"));
  EXPECT_THAT(text, HasSubstr("\nepisodes.shots  [whole number, >= 1 and <= 1000, a list, required]\n"));
  // The line of a field is followed by its meaning, indented.
  bool after_field = false;
  for (size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1) {
    const bool is_field = text[begin] != ' ';
    EXPECT_FALSE(is_field && after_field)
        << "no meaning before: " << text.substr(begin, text.find('\n', begin) - begin);
    after_field = is_field;
  }
}

}  // namespace
}  // namespace metaprompt

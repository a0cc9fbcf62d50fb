// Tests of whole `metaprompt` commands, with a spec and data so small that a run takes a second.
#ifndef TESTS_HELPERS_COMMAND_LINE_FIXTURE_H_
#define TESTS_HELPERS_COMMAND_LINE_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "experiments/cli/command_line.h"
#include "metaprompt/base/files.h"

namespace metaprompt {

// The exit status and the output of a command.
struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

// Each test has its own folder. In arguments, files and messages, `$` stands for it.
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

  // The error of a command that must fail with `status`, without `error: ` and the line end.
  std::string Error(const std::vector<std::string>& arguments, int status = 1) const {
    const Outcome outcome = Command(arguments);
    EXPECT_EQ(outcome.status, status) << outcome.err;
    // Progress lines may come before the error, but nothing may come after it.
    const size_t begin = outcome.err.rfind("error: ");
    if (begin == std::string::npos || !absl::EndsWith(outcome.err, "\n")) {
      return absl::StrCat("no error line, but: ", outcome.err);
    }
    // Without the hint that follows a damaged line.
    return std::string(absl::StripSuffix(outcome.err.substr(begin + 7, outcome.err.size() - begin - 8),
                                         "\n1 damaged line; dataset.skip_bad_lines: true leaves it out"));
  }
  std::string CheckError(const std::string& set) const { return Error({"check", "$tiny.textproto", "--set", set}); }
  // The error for the tiny spec with one part replaced.
  std::string FileError(absl::string_view part, absl::string_view by) const {
    EXPECT_THAT(std::string(kTiny), ::testing::HasSubstr(std::string(part)));
    Write("bad.textproto", absl::StrReplaceAll(kTiny, {{part, by}}));
    return Error({"check", "$bad.textproto"});
  }
  // The error of a run on other data. Expects that the run leaves no folder.
  std::string DataError(absl::string_view tsv) const {
    Write("bad.tsv", tsv);
    const std::string error = Error({"run", "$tiny.textproto", "--out", "$run", "--set", "dataset.tsv.path=$bad.tsv"});
    EXPECT_FALSE(Exists("run"));
    EXPECT_FALSE(Exists("run.partial"));
    return error;
  }
  std::vector<std::string> RunHere() const { return {"run", "$tiny.textproto", "--out", "$run"}; }
  // Stops a run, so that $run.partial has a checkpoint.
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

}  // namespace metaprompt

#endif  // TESTS_HELPERS_COMMAND_LINE_FIXTURE_H_

// Runs and commands that start from one of the small checkpoints in tests/goldens/encoders.
#ifndef TESTS_HELPERS_CHECKPOINT_RUN_FIXTURE_H_
#define TESTS_HELPERS_CHECKPOINT_RUN_FIXTURE_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "experiments/cli/command_line.h"
#include "experiments/result.pb.h"
#include "metaprompt/base/files.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {

inline constexpr char kGoldens[] = "tests/goldens/encoders/";

// The exit status and the output of a command.
struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

class CheckpointRunTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(testing::TempDir(), "/checkpoint_run_test.XXXXXX");
    ASSERT_NE(mkdtemp(folder_.data()), nullptr);
    folder_ += "/";
    // Nine classes, each with its own letter.
    std::string lines;
    for (int of_class = 0; of_class < 9; ++of_class) {
      for (int text = 0; text < 8; ++text) {
        const auto letter = static_cast<char>('a' + of_class);
        absl::StrAppend(&lines, std::string(3, letter), "\t", std::string({letter, ' '}), "the cat ",
                        std::string(static_cast<size_t>(text) + 1, 'z'), " ", std::string(2, letter), "\n");
      }
    }
    Write("data.tsv", lines);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, absl::string_view bytes) const {
    ASSERT_TRUE(WriteFileAtomically(folder_ + name, bytes).ok());
  }
  std::string Read(const std::string& name) const {
    const absl::StatusOr<std::string> bytes = ReadFile(folder_ + name);
    EXPECT_TRUE(bytes.ok()) << bytes.status();
    return bytes.ok() ? *bytes : "";
  }

  // Writes the spec and returns its path. `encoder` is a folder.
  std::string Spec(const std::string& encoder) const {
    Write("spec.textproto", absl::StrCat(R"(
      name: "tiny"
      dataset { tsv { path: ")",
                                         folder_, R"(data.tsv" } split { shares { train: 0.34 valid: 0.33 } } }
      model {
        encoder { checkpoint { path: ")",
                                         encoder, R"(" } }
        prompt { template: "{text} is <soft:2> {mask} ." }
      }
      episodes { ways: 3 shots: 2 queries: 3 }
      learner { maml {} inner { steps: 2 encoder_lr: 0.05 prompt_lr: 0.05 class_lr: 0.1 } }
      train { meta_steps: 4 meta_batch: 2 validate_every: 2 valid_episodes: 4 checkpoint_every: 1 }
      test { episodes: 6 }
      threads: 1)"));
    return folder_ + "spec.textproto";
  }

  Outcome Command(const std::vector<std::string>& arguments, bool stop = false, const std::string& input = "") const {
    std::ostringstream out;
    std::ostringstream err;
    std::istringstream in(input);
    const std::atomic<bool> stopped(stop);
    Outcome outcome;
    outcome.status = RunCommand(arguments, {&out, &err, false, &stopped, &in});
    outcome.out = out.str();
    outcome.err = absl::StrReplaceAll(err.str(), {{folder_, "$"}});
    return outcome;
  }

  std::string CopyOf(const std::string& golden) const {
    const std::string to = folder_ + golden;
    std::filesystem::copy(kGoldens + golden, to);
    return to;
  }

  std::string folder_;
};

inline RunRecord Record(const std::string& text) {
  RunRecord record;
  EXPECT_TRUE(ParseSpec(text, "record", &record).ok());
  return record;
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_CHECKPOINT_RUN_FIXTURE_H_

// Sweeps: which runs they consist of, that each run is made once, that a stopped sweep continues, and the reports of
// runs that fail.
#include "experiments/runs/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "experiments/report/report.h"
#include "experiments/report/reported_runs.h"
#include "experiments/runs/sweep_plan.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class SweepTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string name = testing::UnitTest::GetInstance()->current_test_info()->name();
    folder_ = (std::filesystem::path(testing::TempDir()) / name).string();
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_ + "/specs");
    std::string lines;
    for (int of_class = 0; of_class < 9; ++of_class) {
      for (int text = 0; text < 6; ++text) {
        const auto letter = static_cast<char>('a' + of_class);
        const auto other = static_cast<char>('m' + text);
        absl::StrAppend(&lines, "class", std::string(1, letter), "\t", std::string({letter, other, letter}), " ",
                        std::string({other, letter}), " word", text, "\n");
      }
    }
    Write("words.tsv", lines);
    Write("specs/tiny.textproto", absl::StrCat(R"(
      name: "tiny"
      dataset { tsv { path: ")",
                                               folder_, R"(/words.tsv" } split { shares { train: 0.34 valid: 0.33 } } }
      model {
        tokenizer { vocab_size: 64 }
        encoder { bert { layers: 1 width: 8 heads: 2 intermediate: 16 max_positions: 16 init_std: 1 } }
        prompt { template: "{text} is <soft> {mask}" }
        verbalizer { allow_same_words: true }
      }
      episodes { ways: 2 shots: 1 queries: 2 }
      learner { maml {} inner { steps: 1 encoder_lr: 0.1 prompt_lr: 0.1 class_lr: 0.5 } }
      train { meta_steps: 2 meta_batch: 1 validate_every: 2 valid_episodes: 2 checkpoint_every: 1 }
      test { episodes: 4 })"));
    Write("grid.textproto", R"(
      spec: "specs/tiny.textproto"
      set: "test.baseline=false"
      seed: [3, 4]
      axis {
        choice { name: "short" }
        choice { name: "long" set: "train.meta_steps=3" }
      }
      axis {
        choice { name: "goes-on" from: "whole" set: "learner.inner.steps=0" }
        choice { name: "whole" set: "learner.inner.steps=2" }
      })");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& contents) const {
    ASSERT_TRUE(WriteFileAtomically(absl::StrCat(folder_, "/", name), contents).ok());
  }

  std::string Read(const std::string& name) const {
    const absl::StatusOr<std::string> text = ReadFile(absl::StrCat(folder_, "/", name));
    EXPECT_TRUE(text.ok()) << text.status();
    return text.ok() ? *text : "";
  }

  bool Exists(const std::string& name) const { return std::filesystem::exists(absl::StrCat(folder_, "/", name)); }

  std::string PlanError(const std::string& sweep) const {
    Write("bad.textproto", sweep);
    const absl::StatusOr<SweepPlan> plan = PlanSweep(folder_ + "/bad.textproto", {}, {}, "out");
    return std::string(plan.status().message());
  }

  // The output of the sweep, and its status.
  std::string Swept(SweepOptions options, absl::Status* status = nullptr) const {
    options.file = folder_ + "/grid.textproto";
    options.out = folder_ + "/out";
    options.program = "experiments/cli/metaprompt";
    std::ostringstream said;
    const absl::Status ended = Sweep(options, &said, stop_);
    EXPECT_TRUE(status != nullptr || ended.ok()) << ended << "\n" << said.str();
    if (status != nullptr) {
      *status = ended;
    }
    return said.str();
  }

  std::string folder_;
  std::atomic<bool> stop_{false};
};

TEST_F(SweepTest, EveryChoiceWithEveryOtherAndEachSeed) {
  const absl::StatusOr<SweepPlan> plan = PlanSweep(folder_ + "/grid.textproto", {"threads=1"}, {}, "out");
  ASSERT_TRUE(plan.ok()) << plan.status();
  std::vector<std::string> outs;
  for (const SweepRun& run : plan->runs) {
    outs.push_back(run.out);
  }
  // A run comes before the runs that start from it.
  EXPECT_THAT(outs, ElementsAre("out/short-whole-seed3", "out/short-goes-on-seed3", "out/long-whole-seed3",
                                "out/long-goes-on-seed3", "out/short-whole-seed4", "out/short-goes-on-seed4",
                                "out/long-whole-seed4", "out/long-goes-on-seed4"));
  EXPECT_THAT(RunArguments(plan->runs[3]),
              ElementsAre("run", folder_ + "/specs/tiny.textproto", "--out", "out/long-goes-on-seed3", "--set",
                          "test.baseline=false", "--set", "name=long-goes-on", "--set", "seed=3", "--set",
                          "train.meta_steps=3", "--set", "learner.inner.steps=0", "--set",
                          "model.init_from_run=out/long-whole-seed3", "--set", "threads=1"));
  EXPECT_EQ(plan->runs[2].after, -1);
  EXPECT_EQ(plan->runs[3].after, 2);
  // Only some runs, and the runs that they start from.
  const absl::StatusOr<SweepPlan> some = PlanSweep(folder_ + "/grid.textproto", {}, {"long-goes"}, "out");
  ASSERT_TRUE(some.ok()) << some.status();
  ASSERT_EQ(some->runs.size(), 4);
  EXPECT_EQ(some->runs[0].out, "out/long-whole-seed3");
  EXPECT_EQ(some->runs[1].out, "out/long-goes-on-seed3");
}

TEST_F(SweepTest, WhatIsWrongIsSaidBeforeAnythingRuns) {
  const std::string file = folder_ + "/bad.textproto: ";
  EXPECT_EQ(PlanError("spec: 'a'"), file + "axis must be set");
  EXPECT_EQ(PlanError("axis { choice { name: 'a b' } } seed: [1, 1]"),
            absl::StrCat(file, "seed names 1 twice\n", file,
                         "axis[0], choice 'a b': a name may contain only letters, digits, - and _"));
  EXPECT_EQ(PlanError("axis { choice { name: 'a' } choice { name: 'a' } }"),
            file + "axis[0], choice 'a': the name is there twice");
  EXPECT_EQ(PlanError("axis { choice { name: 'a' from: 'b' } }"),
            file + "axis[0], choice 'a': from names 'b', which is not a choice of this axis");
  EXPECT_EQ(PlanError("axis { choice { name: 'a' from: 'b' } choice { name: 'b' from: 'a' } }"),
            absl::StrCat(file, "axis[0], choice 'a': its chain of from returns to itself\n", file,
                         "axis[0], choice 'b': its chain of from returns to itself"));
  EXPECT_EQ(PlanError("axis { choice { name: 'a' } }"), file + "a has no spec; name one in the sweep or in a choice");
  EXPECT_EQ(PlanError("spec: 'none' axis { choice { name: 'a' } }"),
            absl::StrCat(file, "a: ", folder_, "/none: No such file or directory"));
  EXPECT_EQ(PlanError("spec: 'specs/tiny.textproto' axis { choice { name: 'a' set: 'threads=-1' } }"),
            absl::StrCat(file, "a: ", folder_, "/specs/tiny.textproto: threads is -1; it must be >= 0 and <= 1024"));
  EXPECT_EQ(PlanError("spec: 'specs/tiny.textproto' axis { choice { name: 'a-b' } choice { name: 'a' } } "
                      "axis { choice { name: 'c' } choice { name: 'b-c' } }"),
            file + "two runs are called a-b-c");
  EXPECT_EQ(PlanError("spec: 'specs/tiny.textproto' "
                      "axis { choice { name: 'a' from: 'b' } choice { name: 'b' } } "
                      "axis { choice { name: 'c' from: 'd' } choice { name: 'd' } }"),
            file + "a-c begins from two runs; one choice of a run can have from");
  const std::string one = "spec: 'specs/tiny.textproto' seed: 3 axis { choice { name: 'a' set: '$' } }";
  for (const char* set : {"seed=4", "name=b"}) {
    EXPECT_EQ(PlanError(absl::StrReplaceAll(one, {{"$", set}})),
              absl::StrCat(file, "a: ", std::string(set).substr(0, 4), " is set, but the sweep decides it"));
  }
  EXPECT_THAT(PlanError("axes { }"), HasSubstr("axes"));
  EXPECT_EQ(PlanSweep(folder_ + "/grid.textproto", {}, {"tall"}, "out").status().message(),
            folder_ +
                "/grid.textproto: no run's name contains tall; they are called long-goes-on, long-whole, "
                "short-goes-on, short-whole");
}

TEST_F(SweepTest, ACommandForEachRunToDoByHand) {
  SweepOptions options;
  options.dry_run = true;
  options.only = {"short-whole"};
  options.sets = {"model.prompt.template={text} it's {mask}"};
  const std::vector<std::string> lines = absl::StrSplit(Swept(options), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2);
  EXPECT_EQ(lines[0], absl::StrCat("metaprompt run ", folder_, "/specs/tiny.textproto --out ", folder_,
                                   "/out/short-whole-seed3 --set test.baseline=false --set name=short-whole --set "
                                   "seed=3 --set learner.inner.steps=2 --set 'model.prompt.template={text} it'\\''s "
                                   "{mask}'"));
  EXPECT_FALSE(Exists("out"));
}

TEST_F(SweepTest, DoesWhatIsNotDoneAndTheReportJoinsTheSeeds) {
  SweepOptions options;
  options.jobs = 2;
  options.only = {"short"};
  const std::string said = Swept(options);
  EXPECT_THAT(said, StartsWith("4 runs, 0 of them complete; 2 at a time; "));
  EXPECT_THAT(said, HasSubstr(absl::StrCat("/4 ", folder_, "/out/short-goes-on-seed4: 1-shot meta-learned ")));
  EXPECT_THAT(said, ::testing::EndsWith("all 4 runs are complete\n"));
  EXPECT_TRUE(Exists("out/short-whole-seed3/best-1shot.safetensors"));
  EXPECT_FALSE(Exists("out/short-whole-seed3/checkpoint-1shot.safetensors"));
  EXPECT_THAT(Read("out/short-whole-seed3.log"), HasSubstr("1-shot meta-training: 2 meta-steps"));
  const std::string record = Read("out/short-goes-on-seed3/record.textproto");

  // The second time, only the missing run is made, with the same bytes.
  EXPECT_THAT(Swept(options), HasSubstr("4 runs, 4 of them complete"));
  std::filesystem::remove_all(folder_ + "/out/short-goes-on-seed3");
  EXPECT_THAT(Swept(options), HasSubstr("4 runs, 3 of them complete"));
  EXPECT_EQ(Read("out/short-goes-on-seed3/record.textproto"), record);

  // Runs that start from runs with the same seed are seeds of one row.
  std::vector<std::string> folders;
  for (const char* name : {"short-goes-on-seed3", "short-goes-on-seed4"}) {
    folders.push_back(absl::StrCat(folder_, "/out/", name));
  }
  absl::StatusOr<std::vector<ReportedRun>> runs = ReadRuns(folders);
  ASSERT_TRUE(runs.ok()) << runs.status();
  const absl::StatusOr<Report> report = JoinRuns(*std::move(runs), "");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->rows.size(), 1);

  // A folder with another run is not taken for this run.
  options.sets = {"train.meta_batch=2"};
  absl::Status status;
  Swept(options, &status);
  EXPECT_EQ(status.message(), absl::StrCat(folder_,
                                           "/out/short-whole-seed3: the complete run there has another spec; "
                                           "remove it, or name another folder with --out"));
}

TEST_F(SweepTest, ARunThatFailsDoesNotHoldUpTheOthers) {
  // Another run of that name was stopped there, so that this one cannot begin.
  std::filesystem::create_directories(folder_ + "/out/short-whole-seed3.partial");
  Write("out/short-whole-seed3.partial/spec.textproto", "name: 'other'\n");
  SweepOptions options;
  options.only = {"short"};
  absl::Status status;
  const std::string said = Swept(options, &status);
  EXPECT_EQ(status.message(), "2 of 4 runs failed; the same command tries again");
  EXPECT_THAT(said,
              HasSubstr(absl::StrCat(folder_, "/out/short-whole-seed3: ", folder_, "/out/short-whole-seed3.partial")));
  EXPECT_THAT(said, HasSubstr(absl::StrCat("(", folder_, "/out/short-whole-seed3.log)\n")));
  EXPECT_THAT(said, HasSubstr(absl::StrCat(folder_, "/out/short-goes-on-seed3: it begins from ", folder_,
                                           "/out/short-whole-seed3, which failed\n")));
  EXPECT_TRUE(Exists("out/short-goes-on-seed4/record.textproto"));
  std::filesystem::remove_all(folder_ + "/out/short-whole-seed3.partial");
  EXPECT_THAT(Swept(options), HasSubstr("all 4 runs are complete"));
}

TEST_F(SweepTest, StoppedAtOnceItHasNotFailed) {
  SweepOptions options;
  options.only = {"short-whole"};
  std::thread stopper([&] {
    for (int i = 0; i < 60000 && !Exists("out/short-whole-seed3.log"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    stop_ = true;  // the run is still loading its libraries
  });
  absl::Status status;
  const std::string said = Swept(options, &status);
  stopper.join();
  EXPECT_EQ(status.message(), "stopped with 0 of 2 runs complete; the same command continues from there") << said;
}

TEST(SweepsTest, ThoseOfTheRepositoryAreSound) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("experiments/sweeps")) {
    const absl::StatusOr<SweepPlan> plan = PlanSweep(entry.path().string(), {}, {}, "runs");
    EXPECT_TRUE(plan.ok()) << plan.status();
    ++count;
  }
  EXPECT_GT(count, 0);
}

TEST_F(SweepTest, StoppedItsRunsSaveAndTheSameCommandGoesOn) {
  SweepOptions options;
  options.jobs = 2;
  options.only = {"long-whole"};
  options.sets = {"train.meta_steps=400", "train.validate_every=400"};
  std::thread stopper([&] {
    for (int i = 0; i < 60000 && !Exists("out/long-whole-seed3.partial/checkpoint-1shot.safetensors"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    stop_ = true;
  });
  absl::Status status;
  Swept(options, &status);
  stopper.join();
  EXPECT_TRUE(absl::IsCancelled(status)) << status;
  EXPECT_EQ(status.message(), "stopped with 0 of 2 runs complete; the same command continues from there");
  EXPECT_TRUE(Exists("out/long-whole-seed3.partial/checkpoint-1shot.safetensors"));
  stop_ = false;
  options.jobs = 1;  // the run keeps the number of threads that it began with
  EXPECT_THAT(Swept(options), HasSubstr("all 2 runs are complete"));
  EXPECT_THAT(Read("out/long-whole-seed3.log"), HasSubstr("continuing from meta-step"));
}

}  // namespace
}  // namespace metaprompt

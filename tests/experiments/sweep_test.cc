// Sweeps: which runs they consist of, that each run is made once, that a stopped sweep continues, the reports of runs
// that fail, and what is submitted to Slurm.
#include "experiments/sweeping/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "experiments/report/report.h"
#include "experiments/report/reported_runs.h"
#include "experiments/sweeping/slurm.h"
#include "experiments/sweeping/sweep_plan.h"
#include "experiments/sweeping/sweep_runs.h"
#include "experiments/sweeping/sweep_status.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
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

  // Commands of Slurm that note their arguments in calls.txt. sbatch numbers the jobs from 11; squeue prints the file
  // queue.txt. Only these and the system's own commands are found from now on.
  void FakeSlurm() const {
    std::filesystem::create_directories(folder_ + "/bin");
    const std::string begin = absl::StrCat("#!/bin/sh\ncd ", folder_, "\necho \"${0##*/} $*\" >> calls.txt\n");
    Write("bin/sbatch", begin + "expr $(grep -c ^sbatch calls.txt) + 10\n");
    Write("bin/squeue", begin + "cat queue.txt\n");
    Write("bin/scontrol", begin);
    Write("queue.txt", "");
    for (const char* name : {"sbatch", "squeue", "scontrol"}) {
      std::filesystem::permissions(absl::StrCat(folder_, "/bin/", name), std::filesystem::perms::owner_all);
    }
    setenv("PATH", absl::StrCat(folder_, "/bin:/usr/bin:/bin").c_str(), 1);
  }

  // The arguments of the calls since the last time, each without the options that every call has.
  std::vector<std::string> Calls() const {
    const std::vector<std::string> lines = absl::StrSplit(Read("calls.txt"), '\n', absl::SkipEmpty());
    Write("calls.txt", "");
    std::vector<std::string> calls;
    for (const std::string& line : lines) {
      if (absl::StartsWith(line, "sbatch ")) {
        calls.push_back(absl::StrReplaceAll(
            line, {{absl::StrCat(" --job-name=grid --output=", folder_, "/out/slurm.log"), ""}, {folder_, "$"}}));
      }
    }
    return calls;
  }

  // What `function` prints for the grid; the status must be `expected`.
  std::string Printed(absl::Status (*function)(const SweepOptions&, std::ostream*), SweepOptions options,
                      const std::string& expected = "") const {
    options.file = folder_ + "/grid.textproto";
    options.out = folder_ + "/out/";
    options.program = "experiments/cli/metaprompt";
    std::ostringstream said;
    EXPECT_EQ(absl::StrReplaceAll(function(options, &said).message(), {{folder_, "$"}}), expected);
    return absl::StrReplaceAll(said.str(), {{folder_ + "/", ""}});
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
  Write("out/short-whole-seed3/checkpoint-notes.txt", "mine");
  EXPECT_THAT(Swept(options), HasSubstr("4 runs, 4 of them complete"));
  EXPECT_EQ(Read("out/short-whole-seed3/checkpoint-notes.txt"), "mine");
  std::filesystem::remove_all(folder_ + "/out/short-goes-on-seed3");
  EXPECT_THAT(Swept(options), HasSubstr("4 runs, 3 of them complete"));
  EXPECT_EQ(Read("out/short-goes-on-seed3/record.textproto"), record);
  // Runs that start from runs with the same seed are seeds of one row.
  const std::string row = folder_ + "/out/short-goes-on-seed";
  absl::StatusOr<std::vector<ReportedRun>> runs = ReadRuns({row + "3", row + "4"});
  ASSERT_TRUE(runs.ok()) << runs.status();
  const absl::StatusOr<Report> report = JoinRuns(*std::move(runs), "");
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->rows.size(), 1);
  // A setting without effect in a record does not make it another run.
  SweepRun whole;
  whole.out = folder_ + "/out/short-whole-seed3";
  whole.planned = ReadRecord(whole.out)->spec();
  whole.planned.mutable_model()->mutable_verbalizer()->set_temperature(20);
  EXPECT_TRUE(RecordOf(whole).ok());
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

TEST_F(SweepTest, SubmitsToSlurmWhatIsNeitherCompleteNorQueued) {
  FakeSlurm();
  SweepOptions options;
  options.slurm.more = {"--mem=1G"};
  EXPECT_EQ(Printed(SubmitSweep, options), "8 runs: 0 complete, 0 in the queue, 8 submitted\n");
  EXPECT_THAT(Calls(), ElementsAre("sbatch --parsable --array=0,2,4,6 --mem=1G $/out/slurm.sh",
                                   "sbatch --parsable --array=1 --dependency=afterok:11_0 --mem=1G $/out/slurm.sh",
                                   "sbatch --parsable --array=3 --dependency=afterok:11_2 --mem=1G $/out/slurm.sh",
                                   "sbatch --parsable --array=5 --dependency=afterok:11_4 --mem=1G $/out/slurm.sh",
                                   "sbatch --parsable --array=7 --dependency=afterok:11_6 --mem=1G $/out/slurm.sh"));
  EXPECT_THAT(Read("out/slurm.sh"), HasSubstr("\n  3) log=" + folder_ + "/out/long-goes-on-seed3.log run=(/"));
  // One run is complete now, one was killed, and others wait, run, or have vanished.
  SweepOptions here;
  here.only = {"short-whole"};
  Swept(here);
  std::filesystem::remove_all(folder_ + "/out/short-whole-seed4");
  Write("out/short-whole-seed4.log", "a line\nerror: ended by signal 9\n");
  Write("queue.txt",
        "11_2|RUNNING|None|2026-01-02T03:04:05|node7\n12_1|PENDING|Resources|N/A|\n13_3|PENDING|Dependency|N/A|\n"
        "99_0|PENDING|Resources|N/A|\n");
  const std::string status = Printed(PrintSweepStatus, options);
  EXPECT_THAT(status, StartsWith("out/short-whole-seed3: complete, 1-shot meta-learned "));
  EXPECT_THAT(status,
              ::testing::EndsWith(
                  "out/short-goes-on-seed3: waiting, reason: Resources, job 12_1\n"
                  "out/long-whole-seed3: running, since 2026-01-02T03:04:05 on node7, job 11_2\n"
                  "out/long-goes-on-seed3: waiting, for out/long-whole-seed3, job 13_3\n"
                  "out/short-whole-seed4: failed, ended by signal 9 (out/short-whole-seed4.log)\n"
                  "out/short-goes-on-seed4: not begun, it begins from out/short-whole-seed4 (failed)\n"
                  "out/long-whole-seed4: failed, job 11_6 has left the queue; out/slurm.log may have the reason\n"
                  "out/long-goes-on-seed4: not begun, it begins from out/long-whole-seed4 (failed)\n"
                  "8 runs: 1 complete, 1 running, 2 waiting, 2 failed, 2 not begun\n"));
  // Only those that are not there are submitted, with what they wait for.
  Write("queue.txt", "11_2|RUNNING|None|2026-01-02T03:04:05|node7\n11_6|PENDING|Resources|N/A|\n");
  Calls();
  options.slurm = {"short", "1:00:00", 2, 3, {}};
  EXPECT_EQ(Printed(SubmitSweep, options), "8 runs: 1 complete, 2 in the queue, 5 submitted\n");
  const std::string more = " --partition=short --time=1:00:00 --gpus=2 --cpus-per-task=3 $/out/slurm.sh";
  EXPECT_THAT(Calls(), ElementsAre("sbatch --parsable --array=1,4" + more,
                                   "sbatch --parsable --array=3 --dependency=afterok:11_2" + more,
                                   "sbatch --parsable --array=5 --dependency=afterok:11_4" + more,
                                   "sbatch --parsable --array=7 --dependency=afterok:11_6" + more));
  EXPECT_THAT(Read("out/slurm.sh"), HasSubstr(" --set threads=3) ;;\n"));
}

TEST_F(SweepTest, TheErrorsOfSlurmAreClear) {
  FakeSlurm();
  SweepOptions options;
  Write("bin/sbatch", "#!/bin/sh\necho 'sbatch: error: invalid partition specified: x' >&2\nexit 1\n");
  options.only = {"short-whole"};
  const std::string command = "`sbatch --parsable --array=0,1 --job-name=grid --output=$/out/slurm.log $/out/slurm.sh`";
  Printed(SubmitSweep, options, command + " failed: sbatch: error: invalid partition specified: x");
  EXPECT_FALSE(Exists("out")) << "what an error left";
  std::filesystem::create_directory(folder_ + "/out");
  Write("out/slurm.sh", "mine");
  Printed(SubmitSweep, options,
          "$/out/slurm.sh: it is not a script that metaprompt wrote; name another folder with --out, or move it");
  std::filesystem::remove(folder_ + "/out/slurm.sh");
  setenv("PATH", folder_.c_str(), 1);
  Printed(SubmitSweep, options, command + ": sbatch is not installed");
  EXPECT_EQ(Printed(PrintSweepStatus, options),
            "out/short-whole-seed3: not begun\nout/short-whole-seed4: not begun\n2 runs: 2 not begun\n");
  Write("out/slurm.jobs", "short-whole-seed3\t7_0\n");
  EXPECT_THAT(Printed(PrintSweepStatus, options),
              MatchesRegex("by the files alone, because `squeue .*`: squeue is not installed\n"
                           "out/short-whole-seed3: not begun\n.*\n2 runs: 2 not begun\n"));
  Write("out/slurm.jobs", "short-whole-seed3 7_0\n");
  Printed(PrintSweepStatus, options,
          "$/out/slurm.jobs:1: not a run and its job; remove the file if none of the sweep's jobs is in the queue");
}

// The script as a job of Slurm, with a program that does as it is told instead of metaprompt.
TEST_F(SweepTest, TheJobPutsItselfBackAtTheTimeLimitAndOnlyThen) {
  FakeSlurm();
  SweepOptions options;
  options.only = {"short-whole"};
  Printed(SubmitSweep, options);
  const std::string script = Read("out/slurm.sh");
  const std::string program = std::filesystem::canonical("experiments/cli/metaprompt").string();
  ASSERT_THAT(script, HasSubstr("run=(" + program + " run "));
  Write("told", "#!/bin/bash\n. " + folder_ + "/what\n");
  std::filesystem::permissions(folder_ + "/told", std::filesystem::perms::owner_all);
  Write("job.sh", absl::StrReplaceAll(script, {{program, folder_ + "/told"}}));
  const auto job = [&](const std::string& what) {
    Write("what", what);
    std::filesystem::remove(folder_ + "/out/short-whole-seed4.log");
    const std::string command = absl::StrCat("SLURM_ARRAY_JOB_ID=7 SLURM_ARRAY_TASK_ID=1 bash ", folder_, "/job.sh");
    const int status = std::system(command.c_str());
    return absl::StrCat(WEXITSTATUS(status), ": ", Read("out/short-whole-seed4.log"));
  };
  const std::string saves = "trap 'echo saved; exit 130' USR1 TERM\n";
  EXPECT_EQ(job("echo done"), "0: done\n");
  EXPECT_EQ(job("exit 1"), "1: ");
  EXPECT_THAT(job("kill -KILL $$"), MatchesRegex("137: .* Killed .*\nerror: ended by signal 9\n"));
  EXPECT_EQ(job(saves + "kill -TERM $PPID $$; sleep 1"), "130: saved\n");
  EXPECT_THAT(Read("calls.txt"), Not(HasSubstr("scontrol")));
  EXPECT_EQ(job(saves + "kill -USR1 $PPID; sleep 1"), "0: saved\nthe time limit is near; back into the queue\n");
  EXPECT_THAT(Read("calls.txt"), HasSubstr("scontrol requeue 7_1\n"));
}

}  // namespace
}  // namespace metaprompt

// A run that is stopped at any step, or killed at any time, and then continued ends with the same record.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "experiments/host/blas.h"
#include "experiments/runs/run.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/train.h"
#include "experiments/workbench/workbench.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/stop_after_lines.h"
#include "tests/helpers/tiny_run.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Sets a flag when the number of tasks reaches `after`.
class StoppingLearner : public Learner {
 public:
  StoppingLearner(const Learner* learner, int64_t after, std::atomic<bool>* stop)
      : learner_(learner), after_(after), stop_(stop) {}
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override {
    return learner_->Adapt(model, meta, support);
  }
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override {
    if (++count_ == after_) {
      *stop_ = true;
    }
    return learner_->MetaGradient(model, meta, episode, meta_step);
  }

 private:
  const Learner* learner_;
  int64_t after_;
  std::atomic<bool>* stop_;
  mutable std::atomic<int64_t> count_ = 0;
};

// Meta-trains in several calls, each of which is asked to stop in its `steps`-th meta-step.
std::string TrainInPieces(const ExperimentSpec& spec, const std::string& name, int64_t steps) {
  const std::string path = absl::StrCat(Folder(), "/", name);
  const std::unique_ptr<Learner> learner = MakeLearner(spec.learner());
  std::ostringstream shown;
  Progress progress(&shown, false);
  int64_t expected_step = 0;
  while (true) {
    absl::StatusOr<std::unique_ptr<RunDirectory>> directory = RunDirectory::Open(path, SpecText(spec));
    EXPECT_TRUE(directory.ok()) << directory.status();
    absl::StatusOr<std::unique_ptr<Workbench>> bench = Workbench::Open(spec, {});
    EXPECT_TRUE(bench.ok()) << bench.status();
    std::atomic<bool> stop(false);
    TaskPool pool(1, &stop);
    const StoppingLearner stopping(learner.get(), steps * spec.train().meta_batch(), &stop);
    const RunContext context = {bench->get(), &stopping, directory->get(), &pool, &progress, &stop};
    const absl::StatusOr<Trained> trained = MetaTrain(context, 1);
    if (trained.ok()) {
      return absl::StrCat(SpecText(trained->result), Read((*directory)->File("best-1shot.safetensors")),
                          Read((*directory)->File("checkpoint-1shot.safetensors")));
    }
    expected_step += steps;
    EXPECT_TRUE(absl::IsCancelled(trained.status()));
    const bool validates =
        expected_step % spec.train().validate_every() == 0 || expected_step == spec.train().meta_steps();
    EXPECT_EQ(trained.status().message(),
              validates ? absl::StrCat("stopped at episode 0 of 1-shot validation at meta-step ", expected_step,
                                       "; the same command continues from there")
                        : absl::StrCat("stopped at meta-step ", expected_step,
                                       " of 1-shot meta-training; the same command continues from there"));
    if (expected_step > 12) {
      return "it never ends";
    }
  }
}

TEST(StopTest, TrainingStoppedAtAnyStepEndsWithTheSameBits) {
  const std::string whole = TrainInPieces(Spec(), "whole", 1000);
  for (const int64_t steps : {1, 3, 7}) {
    EXPECT_EQ(TrainInPieces(Spec(), absl::StrCat("pieces", steps), steps), whole) << "stopped every " << steps;
  }
  // Parameters that are not learned have no moments, neither in memory nor in the file.
  const ExperimentSpec prompt = Spec({"learner.learns.part=PROMPT"});
  const std::string whole_prompt = TrainInPieces(prompt, "whole-prompt", 1000);
  EXPECT_EQ(TrainInPieces(prompt, "pieces-prompt", 3), whole_prompt);
  EXPECT_THAT(whole, HasSubstr("first/bert."));
  EXPECT_THAT(whole_prompt, AllOf(HasSubstr("first/prompt."), Not(HasSubstr("first/bert."))));
}

// Everything random within a step follows from the seed: what dropout drops, and the texts of a mini-batch.
TEST(StopTest, DropoutAndMiniBatchesGoOnWhereTheyStopped) {
  const std::vector<std::string> sets = {"model.dropout.hidden=0.2",
                                         "model.dropout.attention=0.1",
                                         "episodes.shots=3",
                                         "learner.inner.batch=4",
                                         "learner.inner.clip_norm=1",
                                         "learner.maml.query_batches.size=5",
                                         "learner.maml.query_batches.repeat_inner=true"};
  const std::string killed = Folder() + "/dropout-killed";
  std::atomic<bool> stop(false);
  StopAfterLines buffer(3, &stop);
  std::ostream shown(&buffer);
  Progress progress(&shown, false);
  EXPECT_TRUE(absl::IsCancelled(RunExperiment(Spec(sets), killed, &progress, stop).status()));
  const std::string record = RecordOf(Spec(sets), killed);
  EXPECT_EQ(record, RecordOf(Spec(sets), Folder() + "/dropout-whole"));
  std::vector<std::string> threads = sets;
  threads.emplace_back("threads=2");
  EXPECT_EQ(absl::StrReplaceAll(RecordOf(Spec(threads), Folder() + "/dropout-threads"), {{"threads: 2", "threads: 1"}}),
            record);
  std::vector<std::string> other = sets;
  other[0] = "model.dropout.hidden=0";
  EXPECT_NE(RecordOf(Spec(other), Folder() + "/dropout-other"), record);
}

TEST(StopTest, AnEncoderWithoutACheckpointHasBertsRates) {
  RunRecord own;
  RunRecord set;
  RecordOf(Spec({"model.dropout.of_checkpoint=true"}), Folder() + "/of-checkpoint", &own);
  RecordOf(Spec({"model.dropout.hidden=0.1", "model.dropout.attention=0.1"}), Folder() + "/of-spec", &set);
  ASSERT_EQ(own.results_size(), 1);
  EXPECT_EQ(SpecText(own.results(0)), SpecText(set.results(0)));
  EXPECT_THAT(Undisturbed(), Not(HasSubstr(SpecText(own.results(0)))));
}

TEST(StopTest, ARunStoppedAfterAnyLineEndsWithTheSameRecord) {
  int cancelled = 0;
  // The data; validations at 0, 5, 10 and 12; the ends of training and of the first test; the end.
  for (const int line : {1, 3, 5, 6, 7, 8}) {
    const std::string out = absl::StrCat(Folder(), "/line", line);
    std::atomic<bool> stop(false);
    StopAfterLines buffer(line, &stop);
    std::ostream shown(&buffer);
    Progress progress(&shown, false);
    const absl::StatusOr<RunRecord> record = RunExperiment(Spec(), out, &progress, stop);
    if (record.ok()) {
      EXPECT_EQ(Read(out + "/record.textproto"), Undisturbed()) << "after line " << line;
      continue;
    }
    ++cancelled;
    EXPECT_TRUE(absl::IsCancelled(record.status())) << record.status();
    EXPECT_FALSE(Exists(out));
    EXPECT_EQ(RecordOf(Spec({"seed=6"}), out),
              absl::StrCat(out,
                           ".partial: a stopped run of another spec is there; name another folder with --out, or "
                           "remove it"));
    EXPECT_EQ(RecordOf(Spec(), out), Undisturbed()) << "after line " << line;
  }
  EXPECT_EQ(cancelled, 5);  // after the last line there is nothing left to stop
}

// Sums inside one task depend on the number of threads, so a run keeps the number that it began with.
TEST(StopTest, ARunThatContinuesOnFewerCoresHasAsManyThreads) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  const int cores = CPU_COUNT(&before);
  const std::string out = Folder() + "/cores";
  std::atomic<bool> stop(false);
  StopAfterLines buffer(3, &stop);
  std::ostream shown(&buffer);
  Progress progress(&shown, false);
  const ExperimentSpec spec = Spec({"threads=0", "train.meta_batch=1"});
  EXPECT_TRUE(absl::IsCancelled(RunExperiment(spec, out, &progress, stop).status()));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) {
      CPU_SET(cpu, &one);
    }
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const std::string record = RecordOf(spec, out);
  ASSERT_EQ(sched_setaffinity(0, sizeof(before), &before), 0);
  EXPECT_THAT(record, StartsWith("version: 1\n"));
  EXPECT_THAT(Read(out + "/environment.textproto"), HasSubstr(absl::StrCat("\nthreads: ", cores, "\n")));
  EXPECT_FALSE(Exists(out + "/threads"));
}

TEST(StopTest, AFlagThatIsSetFromTheBeginningStillLeavesAWholeFolder) {
  const std::string out = Folder() + "/stubborn";
  for (int i = 0; i < 3; ++i) {
    std::ostringstream shown;
    Progress progress(&shown, false);
    const std::atomic<bool> stop(true);
    const absl::StatusOr<RunRecord> record = RunExperiment(Spec(), out, &progress, stop);
    EXPECT_TRUE(absl::IsCancelled(record.status()));
    EXPECT_EQ(record.status().message(),
              "stopped at episode 0 of 1-shot validation at meta-step 0; the same command continues from there");
  }
  EXPECT_EQ(RecordOf(Spec(), out), Undisturbed());
}

// Starts `metaprompt run SPEC --out OUT` with its output in OUT.log.
pid_t Start(const std::string& out, const std::vector<std::string>& sets) {
  std::vector<std::string> arguments = {"experiments/cli/metaprompt", "run", SpecPath(), "--out", out};
  for (const std::string& set : sets) {
    arguments.push_back("--set");
    arguments.push_back(set);
  }
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  const std::string log = out + ".log";
  const std::string kernel = GetBlasInfo().kernel;
  const pid_t child = fork();
  if (child == 0) {
    if (!kernel.empty()) {  // the kernel of this process; by default the program would choose a faster one, which
                            // rounds differently
      setenv("OPENBLAS_CORETYPE", kernel.c_str(), 1);
    }
    const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  return child;
}

int WaitFor(pid_t child) {
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return status;
}

// Waits until the file exists, at most a minute.
void AwaitFile(const std::string& path) {
  for (int i = 0; i < 60000 && !Exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(Exists(path)) << path;
}

// Settings for a run that is long enough to be interrupted by a signal.
const std::vector<std::string>& LongSets() {
  static const auto* const sets =
      new std::vector<std::string>{"train.meta_steps=50", "train.patience=0", "train.validate_every=20",
                                   "train.checkpoint_every=7", "test.episodes=40"};
  return *sets;
}

const std::string& LongRecord() {
  static const auto* const bytes = new std::string(RecordOf(Spec(LongSets()), Folder() + "/long"));
  return *bytes;
}

TEST(ProgramTest, KilledThreeTimesItEndsWithTheSameRecord) {
  const std::string out = Folder() + "/killed";
  // In training before its first checkpoint, in training after one, in meta-test.
  for (const char* file : {"spec.textproto", "checkpoint-1shot.safetensors", "test-1shot-random.tsv"}) {
    const pid_t child = Start(out, LongSets());
    AwaitFile(absl::StrCat(out, ".partial/", file));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    const int status = WaitFor(child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended before it was killed: " << Read(out + ".log");
    ASSERT_FALSE(Exists(out));
  }
  EXPECT_THAT(Read(out + ".log"), HasSubstr("1-shot meta-training: continuing from meta-step "));
  const int status = WaitFor(Start(out, LongSets()));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << Read(out + ".log");
  EXPECT_EQ(Read(out + "/record.textproto"), LongRecord());
}

TEST(ProgramTest, InterruptedItSavesAndContinues) {
  // From its first checkpoint on it trains for seconds, in which the signal is sent.
  std::vector<std::string> sets = LongSets();
  sets.insert(sets.end(), {"train.meta_steps=200", "train.validate_every=200"});
  const std::string out = Folder() + "/interrupted";
  const pid_t child = Start(out, sets);
  AwaitFile(out + ".partial/checkpoint-1shot.safetensors");
  // Another process must not work in the same folder meanwhile.
  EXPECT_EQ(RecordOf(Spec(sets), out), absl::StrCat(out, ".partial: another process is working on this run"));
  ASSERT_EQ(kill(child, SIGINT), 0);
  const int status = WaitFor(child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  const std::string log = Read(out + ".log");
  EXPECT_THAT(log, HasSubstr("stopping after the current task; send the signal again to stop immediately\n"));
  EXPECT_THAT(log, ::testing::ContainsRegex(
                       "stopped at meta-step [0-9]+ of 1-shot meta-training; the same command continues from there\n"));
  EXPECT_EQ(RecordOf(Spec(sets), out), RecordOf(Spec(sets), Folder() + "/uninterrupted"));
  // Once the run is complete, there is nothing to do.
  const int again = WaitFor(Start(out, sets));
  ASSERT_TRUE(WIFEXITED(again));
  EXPECT_EQ(WEXITSTATUS(again), 0);
  EXPECT_THAT(Read(out + ".log"), HasSubstr(absl::StrCat(out, ": complete already, with this spec\n")));
}

TEST(StopTest, DataThatChangedMeanwhileIsAnError) {
  const std::string data = WriteData("changing.tsv", 1);
  const ExperimentSpec spec = Spec({absl::StrCat("dataset.tsv.path=", data)});
  const std::string out = Folder() + "/changing";
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(true);
  ASSERT_TRUE(absl::IsCancelled(RunExperiment(spec, out, &progress, stop).status()));
  WriteData("changing.tsv", 2);
  EXPECT_EQ(RecordOf(spec, out),
            absl::StrCat(out, ".partial: the data has changed since this run began; name another folder with --out"));
}

// A changed accuracy in the lines of a stopped meta-test would get into the record when the test continues.
TEST(StopTest, EpisodesThatChangedMeanwhileAreTestedAgain) {
  const std::string out = Folder() + "/lines";
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(true);
  ASSERT_TRUE(absl::IsCancelled(RunExperiment(Spec(), out, &progress, stop).status()));
  // Makes a folder that looks as if the run had been stopped in its meta-test.
  Undisturbed();
  const std::string file = "test-1shot-random.tsv";
  std::string lines = Read(Folder() + "/undisturbed/" + file);
  lines.resize(lines.find('\n', lines.size() / 2) + 1);
  ASSERT_TRUE((*RunDirectory::Open(out, SpecText(Spec())))->Write(file, lines).ok());
  const std::string path = out + ".partial/" + file;
  lines[lines.find_first_of("0123456789")] ^= 1;
  ASSERT_TRUE(WriteFileAtomically(path, lines).ok());
  const std::string error = RecordOf(Spec(), out);
  EXPECT_THAT(error, StartsWith(path + ": not the bytes that were written"));
  EXPECT_THAT(error, ::testing::EndsWith("; remove the file to test again"));
  std::filesystem::remove(path);
  EXPECT_EQ(RecordOf(Spec(), out), Undisturbed());
}

TEST(StopTest, BrokenCheckpointsAreErrorsThatNameTheFile) {
  const std::string out = Folder() + "/broken";
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(true);
  ASSERT_TRUE(absl::IsCancelled(RunExperiment(Spec(), out, &progress, stop).status()));
  const std::string path = out + ".partial/checkpoint-1shot.safetensors";
  const std::string bytes = Read(path);
  std::filesystem::remove(out + ".partial/SHA256SUMS");  // or all damage would have the same message
  ASSERT_TRUE(WriteFileAtomically(path, bytes.substr(0, bytes.size() - 1)).ok());
  EXPECT_THAT(RecordOf(Spec(), out), StartsWith(path + ": not a whole safetensors file: tensor '"));
  Undisturbed();
  ASSERT_TRUE(WriteFileAtomically(path, Read(Folder() + "/undisturbed/best-1shot.safetensors")).ok());
  EXPECT_EQ(RecordOf(Spec(), out), path + ": it has no training progress; remove the file to train from the beginning");
}

}  // namespace
}  // namespace metaprompt

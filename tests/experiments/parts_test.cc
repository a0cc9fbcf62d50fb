// A validation or meta-test that is stopped or killed at any task continues there, with the same lines and the same
// record. Every command reacts to signals immediately.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
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
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "experiments/host/blas.h"
#include "experiments/runs/meta_test.h"
#include "experiments/runs/run_context.h"
#include "experiments/runs/run_directory.h"
#include "experiments/workbench/workbench.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/tiny_run.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

// Sets a flag when it adapts for the `after`-th time.
class StoppingLearner : public Learner {
 public:
  StoppingLearner(const Learner* learner, int64_t after, std::atomic<bool>* stop)
      : learner_(learner), after_(after), stop_(stop) {}
  AdaptedParams Adapt(const Model& model, const ParamList& meta, const Batch& support) const override {
    const int64_t count = ++count_;
    if (count == after_) {
      *stop_ = true;
    }
    while (count > after_ && !*stop_) {  // the thread that sets it may be the slowest
      std::this_thread::yield();
    }
    return learner_->Adapt(model, meta, support);
  }
  TaskGradient MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                            int64_t meta_step) const override {
    return learner_->MetaGradient(model, meta, episode, meta_step);
  }
  bool TakesSeveralTasks(const Model& model) const override { return learner_->TakesSeveralTasks(model); }

 private:
  const Learner* learner_;
  int64_t after_;
  std::atomic<bool>* stop_;
  mutable std::atomic<int64_t> count_ = 0;
};

// Meta-tests in several calls, each of which is asked to stop when it adapts for the `after`-th time.
std::string TestInPieces(const ExperimentSpec& spec, const std::string& name, int64_t after, int* calls) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec.learner());
  std::ostringstream shown;
  Progress progress(&shown, false);
  for (*calls = 1; *calls < 100; ++*calls) {
    const auto directory = RunDirectory::Open(absl::StrCat(Folder(), "/", name), SpecText(spec));
    EXPECT_TRUE(directory.ok()) << directory.status();
    const auto bench = Workbench::Open(spec, {});
    EXPECT_TRUE(bench.ok()) << bench.status();
    const ParamList params = (*bench)->InitialParams(1).value();
    std::atomic<bool> stop(false);
    TaskPool pool(spec.threads(), &stop);
    const StoppingLearner stopping(learner.get(), after, &stop);
    const RunContext context = {bench->get(), &stopping, directory->get(), &pool, &progress, &stop};
    const absl::StatusOr<Evaluation> tested = MetaTest(context, 1, "random", params);
    if (tested.ok()) {
      return absl::StrCat(SpecText(*tested), Read((*directory)->File("test-1shot-random.tsv")));
    }
    EXPECT_TRUE(absl::IsCancelled(tested.status())) << tested.status();
    EXPECT_THAT(std::string(tested.status().message()), StartsWith("stopped at episode "));
  }
  return "it never ends";
}

// The last chunk has two tasks, which three threads share and sum in another order. The rest of a stopped chunk must be
// computed in the same way.
TEST(PartsTest, MetaTestStoppedAtAnyTaskEndsWithTheSameLines) {
  for (const std::string together : {"1", "3"}) {
    for (const std::string threads : {"1", "3"}) {
      // With three threads, up to four of the 15 groups of three are computed until all have heard the stop.
      const std::string episodes = threads == "1" ? "22" : "42";
      const ExperimentSpec spec = Spec({"test.episodes=" + episodes, "threads=" + threads, "tasks_together=" + together,
                                        "learner.adapts.part=PROMPT", "learner.inner.steps=3"});
      const std::string name = absl::StrCat("test-", together, "-", threads);
      int calls = 0;
      const std::string whole = TestInPieces(spec, name, 1000, &calls);
      EXPECT_EQ(calls, 1);
      for (const int64_t after : {1, 2}) {
        EXPECT_EQ(TestInPieces(spec, absl::StrCat(name, "-", after), after, &calls), whole) << name;
        EXPECT_GT(calls, 3) << name << ": a stop must be heard after the tasks that run";
      }
    }
  }
}

// Starts `metaprompt ARGUMENTS` with its output in `log`. `core`: the value of OPENBLAS_CORETYPE; empty: not set.
pid_t Start(std::vector<std::string> arguments, const std::string& log, const std::string& core) {
  arguments.insert(arguments.begin(), "experiments/cli/metaprompt");
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
  }
  argv.push_back(nullptr);
  // Emptied here, so that the caller does not read what an earlier process printed.
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  const pid_t child = fork();
  if (child == 0) {
    core.empty() ? unsetenv("OPENBLAS_CORETYPE") : setenv("OPENBLAS_CORETYPE", core.c_str(), 1);
    dup2(file, STDOUT_FILENO);
    dup2(file, STDERR_FILENO);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(file);
  return child;
}

// Uses the same kernel as runs in this process, because by default the program would choose a faster one, which rounds
// differently.
pid_t StartRun(const std::string& out, const std::vector<std::string>& sets,
               const std::string& core = GetBlasInfo().kernel) {
  std::vector<std::string> arguments = {"run", SpecPath(), "--out", out};
  for (const std::string& set : sets) {
    arguments.insert(arguments.end(), {"--set", set});
  }
  return Start(arguments, out + ".log", core);
}

// Waits for the child to end and returns its status. Kills it after a minute, which is enough even on a busy machine.
int EndWithinAMinute(pid_t child) {
  int status = 0;
  for (const Clock::time_point begin = Clock::now(); Clock::now() - begin < std::chrono::seconds(60);) {
    if (waitpid(child, &status, WNOHANG) == child) {
      return status;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  ADD_FAILURE() << "the signal was not heard within a minute";
  return status;
}

void Await(const std::string& path) {
  for (int i = 0; i < 12000 && !Exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_TRUE(Exists(path)) << path;
}

void AwaitText(const std::string& path, const std::string& text) {
  for (int i = 0; i < 1200 && !absl::StrContains(Read(path), text); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ASSERT_THAT(Read(path), HasSubstr(text));
}

TEST(ProgramTest, AllSignalsAreHeardInALongValidation) {
  const std::string out = Folder() + "/validation";
  const std::vector<std::string> sets = {"train.valid_episodes=200000", "name=long"};
  int64_t before = 0;
  for (const int signal : {SIGUSR1, SIGTERM}) {
    const pid_t child = StartRun(out, sets);
    Await(out + ".partial/validation-1shot.tsv");
    EXPECT_TRUE(Exists(out + ".partial/checkpoint-1shot.safetensors")) << "the parameters that are validated";
    if (before > 0) {  // it continues where it was stopped, and shows its progress within ten seconds
      AwaitText(out + ".log", "data and encoder: ");
      const Clock::time_point begin = Clock::now();
      AwaitText(out + ".log", "1-shot validation at meta-step 0: ");
      EXPECT_LT(Clock::now() - begin, std::chrono::seconds(45)) << "a busy machine takes a while";
    }
    ASSERT_EQ(kill(child, signal), 0);
    const int status = EndWithinAMinute(child);
    const std::string log = Read(out + ".log");
    ASSERT_TRUE(WIFEXITED(status)) << log;
    EXPECT_EQ(WEXITSTATUS(status), 130) << log;
    EXPECT_THAT(log, HasSubstr("stopping after the current task; send the signal again to stop immediately\n"));
    const size_t at = log.find("stopped at episode ");
    ASSERT_NE(at, std::string::npos) << log;
    EXPECT_THAT(log, HasSubstr(" of 1-shot validation at meta-step 0; the same command continues from there\n"));
    const int64_t episodes = std::stoll(log.substr(at + 19));
    EXPECT_GT(episodes, before);
    before = episodes;
  }
}

TEST(ProgramTest, StoppedAndKilledOftenItEndsWithTheSameRecord) {
  const std::vector<std::string> sets = {"train.meta_steps=4", "train.validate_every=2", "train.valid_episodes=1500",
                                         "test.episodes=1500", "train.patience=0",       "train.checkpoint_every=3"};
  const std::string whole = RecordOf(Spec(sets), Folder() + "/often-whole");
  const std::string out = Folder() + "/often";
  const int signals[] = {SIGTERM, SIGUSR1, SIGKILL, SIGINT};
  for (int i = 0; i < 60 && !Exists(out); ++i) {
    const pid_t child = StartRun(out, sets);
    std::this_thread::sleep_for(std::chrono::milliseconds(1500 + 400 * i));
    kill(child, signals[i % 4]);
    EndWithinAMinute(child);
    EXPECT_THAT(Read(out + ".log"), Not(HasSubstr("error: ")));
  }
  ASSERT_TRUE(Exists(out)) << "it never ends";
  EXPECT_EQ(Read(out + "/record.textproto"), whole);
  EXPECT_FALSE(Exists(out + "/validation-1shot.tsv"));
}

// `bench` and `sinusoid` leave signals to the system. `run` handles them, but has nothing to save while it reads data,
// here from a pipe into which nothing is written.
TEST(ProgramTest, CommandsWithNothingToSaveEndAtOnce) {
  const std::string pipe = Folder() + "/pipe.tsv";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::vector<std::string>& arguments : std::vector<std::vector<std::string>>{
           {"bench", SpecPath(), "--rounds", "3000"},
           {"sinusoid", "--meta-steps", "100000000"},
           {"run", SpecPath(), "--out", Folder() + "/reads", "--set", "dataset.tsv.path=" + pipe}}) {
    const pid_t child = Start(arguments, Folder() + "/at-once.log", "");
    int writer = -1;
    for (int i = 0; i < 600; ++i) {  // without a reader, the pipe cannot be opened
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      writer = open(pipe.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC);
      if (writer >= 0 || (arguments[0] != "run" && i == 6)) {
        break;
      }
    }
    EXPECT_EQ(writer >= 0, arguments[0] == "run") << Read(Folder() + "/at-once.log");
    kill(child, SIGTERM);
    const int status = EndWithinAMinute(child);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) << arguments[0];
    close(writer);
  }
}

TEST(ProgramTest, ASweepThatGetsASignalLetsItsRunsSave) {
  const std::string sweep = Folder() + "/sweep.textproto";
  ASSERT_TRUE(WriteFileAtomically(sweep, "spec: 'tiny.textproto' axis { choice { name: 'long' } }").ok());
  const std::string out = Folder() + "/sweep";
  const pid_t child = Start({"sweep", sweep, "--out", out, "--set", "train.meta_steps=1000000"}, out + ".log", "");
  Await(out + "/long.partial/checkpoint-1shot.safetensors");
  kill(child, SIGTERM);
  const int status = EndWithinAMinute(child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130) << Read(out + ".log");
  EXPECT_THAT(Read(out + ".log"),
              HasSubstr("stopped with 0 of 1 runs complete; the same command continues from there"));
  EXPECT_THAT(Read(out + "/long.log"), HasSubstr("the same command continues from there"));
}

TEST(PartsTest, WithoutMetaTrainingNothingIsValidated) {
  RunRecord record;
  RecordOf(Spec({"train.meta_steps=0", "train.valid_episodes=1000000"}), Folder() + "/nothing", &record);
  ASSERT_EQ(record.results_size(), 1);
  EXPECT_EQ(record.results(0).curve_size(), 0);
  ASSERT_EQ(record.results(0).tests_size(), 1);
  EXPECT_TRUE(Exists(Folder() + "/nothing/best-1shot.safetensors"));
}

// A stopped run that is continued on a machine where products round differently.
TEST(PartsTest, AnotherEnvironmentNeedsConsent) {
  const std::string out = Folder() + "/elsewhere";
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(true);
  ASSERT_TRUE(absl::IsCancelled(RunExperiment(Spec(), out, &progress, stop).status()));
  const std::string path = out + ".partial/environment.textproto";
  Environment begun;
  ASSERT_TRUE(ParseSpec(Read(path), path, &begun).ok());
  EXPECT_NE(begun.libtorch(), "");
  EXPECT_NE(begun.blas(), "");
  EXPECT_EQ(begun.threads(), 1);
  const std::string here = begun.libtorch();
  begun.set_libtorch("0.4.1");
  begun.set_host_cpu("another");  // no number depends on its name
  ASSERT_TRUE(WriteFileAtomically(path, SpecText(begun)).ok());
  std::filesystem::remove(out + ".partial/SHA256SUMS");  // which would show that the file was edited
  const std::string different = absl::StrCat("LibTorch was 0.4.1 and is ", here);
  EXPECT_EQ(RecordOf(Spec(), out),
            absl::StrCat(out, ".partial: the run began in another environment (", different,
                         "), and its numbers would round differently from here on; continue it where it began, or with "
                         "--allow-other-environment, which environment.textproto will note"));
  const std::atomic<bool> go_on(false);
  ASSERT_TRUE(RunExperiment(Spec(), out, &progress, go_on, /*allow_other_environment=*/true).ok());
  EXPECT_EQ(Read(out + "/record.textproto"), Undisturbed());
  EXPECT_THAT(Read(out + "/environment.textproto"), HasSubstr(absl::StrCat("changed: \"", different, "\"\n")));
}

// With OpenBLAS, a run that began with an old kernel continues with it, although the program would choose another one.
TEST(ProgramTest, AStoppedRunKeepsItsKernel) {
  const std::string kernel = GetBlasInfo().kernel;
  if (kernel.empty()) {
    GTEST_SKIP() << "this BLAS does not tell its kernel";
  }
  const std::vector<std::string> sets = {"train.meta_steps=3000", "train.validate_every=3000", "train.patience=0",
                                         "train.checkpoint_every=1"};
  const std::string out = Folder() + "/kernel";
  for (const std::string core : {"Prescott", ""}) {
    const pid_t child = StartRun(out, sets, core);
    Await(out + ".partial/checkpoint-1shot.safetensors");
    std::this_thread::sleep_for(std::chrono::milliseconds(core.empty() ? 2500 : 100));
    kill(child, SIGTERM);
    EndWithinAMinute(child);
    EXPECT_THAT(Read(out + ".log"), Not(HasSubstr("error: ")));
    EXPECT_THAT(Read(out + ".partial/environment.textproto"), HasSubstr("blas_kernel: \"Prescott\""));
  }
  // The user has chosen a different kernel, which is kept.
  const int status = EndWithinAMinute(StartRun(out, sets, "Nehalem"));
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 1);
  EXPECT_THAT(Read(out + ".log"), HasSubstr("the BLAS kernel was Prescott and is Nehalem"));
}

}  // namespace
}  // namespace metaprompt

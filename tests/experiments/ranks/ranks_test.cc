// Runs of several processes: the same bytes as in one process, and an end with one clear line if a process is lost.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "experiments/host/blas.h"
#include "tests/helpers/free_port.h"
#include "tests/helpers/tiny_run.h"

namespace metaprompt {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

// One process of the program.
class Process {
 public:
  Process(const std::string& out, const std::vector<std::string>& options,
          const std::map<std::string, std::string>& variables, const std::string& log)
      : log_(log) {
    std::vector<std::string> arguments = {"experiments/cli/metaprompt", "run", SpecPath(), "--out", out};
    arguments.insert(arguments.end(), options.begin(), options.end());
    std::vector<char*> argv;
    for (std::string& argument : arguments) {
      argv.push_back(argument.data());
    }
    argv.push_back(nullptr);
    const std::string kernel = GetBlasInfo().kernel;  // by default the program would choose a faster one
    pid_ = fork();
    if (pid_ == 0) {
      setenv("OPENBLAS_CORETYPE", kernel.c_str(), 1);
      for (const auto& [name, value] : variables) {
        setenv(name.c_str(), value.c_str(), 1);
      }
      const int file = open(log_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666);
      dup2(file, STDOUT_FILENO);
      dup2(file, STDERR_FILENO);
      execv(argv[0], argv.data());
      _exit(127);
    }
  }
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      Wait();
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  void Signal(int signal) const { EXPECT_EQ(kill(pid_, signal), 0); }

  // Its exit status, or minus the signal that ended it. A test must not hang, so the process is killed after a minute.
  int Wait() {
    int status = 0;
    for (int i = 0; i < 6000 && waitpid(pid_, &status, WNOHANG) == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    if (kill(pid_, SIGKILL) == 0) {
      waitpid(pid_, &status, 0);
    }
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  std::string Log() const { return Read(log_); }

  // The processes that this one has started.
  std::vector<pid_t> Children() const {
    std::vector<pid_t> children;
    for (const absl::string_view one :
         absl::StrSplit(Read(absl::StrCat("/proc/", pid_, "/task/", pid_, "/children")), ' ', absl::SkipWhitespace())) {
      children.push_back(static_cast<pid_t>(std::stoi(std::string(one))));
    }
    return children;
  }

 private:
  std::string log_;
  pid_t pid_ = 0;
};

// The settings as options.
std::vector<std::string> Options(const std::vector<std::string>& sets) {
  std::vector<std::string> options;
  for (const std::string& set : sets) {
    options.insert(options.end(), {"--set", set});
  }
  return options;
}

// Ranks of one run, as torchrun starts them.
class Ranks {
 public:
  Ranks(std::string out, int size, const std::vector<std::string>& sets)
      : out_(std::move(out)), size_(size), port_(FreePort()), options_(Options(sets)) {
    for (int rank = 0; rank < size; ++rank) {
      ranks_.push_back(Start(rank));
    }
  }

  std::unique_ptr<Process> Start(int rank, const std::vector<std::string>& more = {},
                                 std::map<std::string, std::string> variables = {}) const {
    variables.insert({{"RANK", absl::StrCat(rank)},
                      {"WORLD_SIZE", absl::StrCat(size_)},
                      {"LOCAL_WORLD_SIZE", absl::StrCat(size_)},
                      {"MASTER_ADDR", "127.0.0.1"},
                      {"MASTER_PORT", absl::StrCat(port_)},
                      {"TORCHELASTIC_USE_AGENT_STORE", "True"}});
    std::vector<std::string> options = options_;
    options.insert(options.end(), more.begin(), more.end());
    static int logs = 0;
    return std::make_unique<Process>(out_, options, variables, absl::StrCat(out_, ".log", logs++));
  }
  Process& operator[](size_t rank) { return *ranks_[rank]; }
  void Replace(size_t rank, std::unique_ptr<Process> process) { ranks_[rank] = std::move(process); }

 private:
  const std::string out_;
  const int size_;
  const int port_;
  const std::vector<std::string> options_;
  std::vector<std::unique_ptr<Process>> ranks_;
};

// Waits until rank 0 trains, in a run that is new or that continues.
void AwaitTraining(Process& rank0) {
  std::string log;
  for (int i = 0; i < 6000 && log.find("meta-step    0: valid") == std::string::npos &&
                  log.find(": continuing from meta-step ") == std::string::npos;
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    log = rank0.Log();
  }
  EXPECT_THAT(log, HasSubstr("meta-step")) << "it does not train";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));  // for a few meta-steps
}

// The files of a run that must not depend on the number of processes.
std::string Bytes(const std::string& run) {
  std::string bytes;
  for (const char* file : {"record.textproto", "best-1shot.safetensors", "checkpoint-1shot.safetensors",
                           "test-1shot-random.tsv", "test-1shot-meta-learned.tsv", "tokenizer.model"}) {
    bytes += Read(absl::StrCat(run, "/", file));
  }
  return bytes;
}

const std::vector<std::string>& LongSets() {
  static const auto* const sets = new std::vector<std::string>{
      "train.meta_steps=200",    "train.patience=0", "train.validate_every=100", "train.checkpoint_every=20",
      "train.valid_episodes=20", "test.episodes=40", "train.meta_batch=3",       "processes.silence_seconds=3"};
  return *sets;
}

const std::string& LongBytes() {
  static const auto* const bytes = [] {
    const std::string out = Folder() + "/long";
    RecordOf(Spec(LongSets()), out);
    return new std::string(Bytes(out));
  }();
  return *bytes;
}

// Runs whose gradients have different shapes: rows of a vocabulary, learned rates, a pool of prompts, groups of tasks.
TEST(RanksTest, TheBytesAreTheSameForAnyNumberOfProcesses) {
  const std::string inner = "inner { steps: 2 encoder_lr: 0.1 prompt_lr: 0.1 class_lr: 0.5 } ";
  const std::string meta = "meta_optimizer { encoder_lr: 0.01 word_lr: 0.01 }";
  const std::vector<std::vector<std::string>> settings = {
      {"train.meta_batch=5"},
      {"threads=2", "train.meta_batch=3", "train.valid_episodes=7",
       absl::StrCat("learner={ maml { multi_step {} learned_rates: true } ", inner, meta, " }")},
      {"train.meta_batch=2", absl::StrCat("learner={ reptile {} ", inner, meta, " }")},
      {"threads=2", "train.meta_batch=6", absl::StrCat("learner={ meta_prompter {} inner { steps: 2 } ", meta, " }")},
      {"train.meta_batch=7", absl::StrCat("learner={ maml {} inner { steps: 2 prompt_lr: 0.05 } ", meta,
                                          " adapts { part: PROMPT } learns { part: PROMPT } }")}};
  for (size_t s = 0; s < settings.size(); ++s) {
    const std::string one = absl::StrCat(Folder(), "/one", s);
    ASSERT_THAT(RecordOf(Spec(settings[s]), one), HasSubstr("version: 1\n"));
    for (const int processes : s == 0 ? std::vector<int>{2, 3, 4} : std::vector<int>{s == 1 ? 4 : 2}) {
      const std::string out = absl::StrCat(Folder(), "/same", s, "-", processes);
      std::vector<std::string> options = Options(settings[s]);
      options.insert(options.end(), {"--processes", absl::StrCat(processes)});
      Process run(out, options, {}, out + ".log");
      ASSERT_EQ(run.Wait(), 0) << run.Log();
      EXPECT_TRUE(Bytes(out) == Bytes(one)) << settings[s].back() << ", " << processes << " processes";
      EXPECT_FALSE(Exists(out + "/rank-1.log"));
      EXPECT_THAT(Read(out + "/environment.textproto"), HasSubstr(absl::StrCat("processes: ", processes, "\n")));
      EXPECT_THAT(run.Log(), HasSubstr(absl::StrCat("\n", processes, " processes: rank 0 sent and received for ")));
    }
  }
}

constexpr char kDivided[] = "processes.shard_optimizer=true";

// The ranks that have no task own parameters, too.
TEST(RanksTest, ADividedOptimizerGivesTheSameBytes) {
  const std::string meta = "meta_optimizer { encoder_lr: 0.01 word_lr: 0.01 clip_norm: 0.5 weight_decay: 0.1 }";
  const std::vector<std::string> learned_rates = {
      "processes.silence_seconds=60",
      absl::StrCat("learner={ maml { multi_step {} learned_rates: true } inner { steps: 2 encoder_lr: 0.1 } ", meta,
                   " }")};
  for (const auto& [name, sets] : {std::make_pair("plain", std::vector<std::string>{"processes.silence_seconds=60"}),
                                   std::make_pair("learned", learned_rates)}) {
    const std::string one = absl::StrCat(Folder(), "/undivided-", name);
    ASSERT_THAT(RecordOf(Spec(sets), one), HasSubstr("version: 1\n"));
    for (const int processes : sets.size() == 1 ? std::vector<int>{1, 2, 3, 4} : std::vector<int>{2}) {
      const std::string out = absl::StrCat(Folder(), "/divided-", name, processes);
      std::vector<std::string> options = Options(sets);
      options.insert(options.end(), {"--set", kDivided, "--processes", absl::StrCat(processes)});
      Process run(out, options, {}, out + ".log");
      ASSERT_EQ(run.Wait(), 0) << run.Log();
      const std::string bytes = Bytes(out);
      EXPECT_THAT(bytes, HasSubstr("shard_optimizer: true\n"));
      EXPECT_TRUE(absl::StrReplaceAll(bytes, {{"shard_optimizer: true", "shard_optimizer: false"}}) == Bytes(one))
          << name << ", " << processes << " processes";
    }
  }
}

// The newest moments are lost with a rank that held them, so the error must name the checkpoint. Then another number of
// processes continues, is stopped, and in the end the optimizer is not divided any more.
TEST(RanksTest, ADividedOptimizerContinuesFromTheLastCheckpoint) {
  const std::string out = Folder() + "/divided-lost";
  std::vector<std::string> sets = LongSets();
  sets.emplace_back(kDivided);
  {
    Ranks ranks(out, 3, sets);
    AwaitTraining(ranks[0]);
    ranks[1].Signal(SIGKILL);
    EXPECT_EQ(ranks[0].Wait(), 1);
    const std::string log = ranks[0].Log();
    std::smatch match;
    ASSERT_TRUE(std::regex_search(
        log, match,
        std::regex("\nerror: lost rank 1 on [^ ]+ \\(process [0-9]+\\): [^\n]*; stopped at meta-step ([0-9]+) of "
                   "1-shot meta-training; the same command continues from (there|the last checkpoint, meta-step "
                   "([0-9]+), because the lost process had a part of the optimizer's state)\n$")))
        << log;
    const int at = std::stoi(match[1]);
    if (match[3].matched) {
      EXPECT_EQ(std::stoi(match[3]), (at - 1) / 20 * 20);
      EXPECT_THAT(Read(out + ".partial/checkpoint-1shot.safetensors"),
                  HasSubstr(absl::StrCat("meta_step: ", match[3].str())));
    } else {
      EXPECT_EQ(at % 20, 0) << log;
    }
    EXPECT_EQ(ranks[2].Wait(), 1);
  }
  {
    Ranks ranks(out, 2, sets);
    AwaitTraining(ranks[0]);
    ranks[1].Signal(SIGTERM);
    EXPECT_EQ(ranks[0].Wait(), 130);
    EXPECT_EQ(ranks[1].Wait(), 130);
    EXPECT_THAT(ranks[0].Log(), ContainsRegex("stopped at .*; the same command continues from there\n$"));
  }
  Ranks ranks(out, 3, LongSets());
  EXPECT_EQ(ranks[0].Wait(), 0) << ranks[0].Log();
  EXPECT_TRUE(Bytes(out) == LongBytes());
}

TEST(RanksTest, ARankThatIsKilledOrStopsEndsTheRunWithItsName) {
  const std::string out = Folder() + "/lost";
  for (const int signal : {SIGKILL, SIGSTOP}) {
    Ranks ranks(out, 3, LongSets());
    AwaitTraining(ranks[0]);
    ranks[1].Signal(signal);
    EXPECT_EQ(ranks[0].Wait(), 1);
    EXPECT_THAT(ranks[0].Log(),
                ContainsRegex(absl::StrCat("\nerror: lost rank 1 on [^ ]+ \\(process [0-9]+\\): ",
                                           signal == SIGSTOP ? "no sign of life for 3 s" : ".*",
                                           "; stopped at .*; the same command continues from there\n$")));
    EXPECT_EQ(ranks[2].Wait(), 1);
    if (signal == SIGSTOP) {  // it goes on, and finds that the run has ended
      ranks[1].Signal(SIGCONT);
      EXPECT_EQ(ranks[1].Wait(), 1);
    }
  }
  // With another number of processes, the run goes on to the same bytes.
  Ranks ranks(out, 2, LongSets());
  EXPECT_EQ(ranks[0].Wait(), 0) << ranks[0].Log();
  EXPECT_EQ(ranks[1].Wait(), 0) << ranks[1].Log();
  EXPECT_TRUE(Bytes(out) == LongBytes());
  // A complete run tells the other ranks so.
  Ranks again(out, 2, LongSets());
  EXPECT_EQ(again[0].Wait(), 0);
  EXPECT_EQ(again[1].Wait(), 0) << again[1].Log();
}

// The first moments: before the process has joined, while all connect, and soon after.
TEST(RanksTest, AChildThatIsKilledAtItsStartEndsTheRunSoon) {
  const std::string out = Folder() + "/start";
  for (const int milliseconds : {0, 300, 600, 800, 900, 1000, 1100, 1300}) {
    std::vector<std::string> options = Options(LongSets());
    options.insert(options.end(), {"--set", "processes.silence_seconds=600", "--processes", "3"});
    Process run(out, options, {}, absl::StrCat(out, ".log"));
    std::vector<pid_t> children;
    for (int i = 0; i < 6000 && children.size() < 2; ++i) {
      children = run.Children();
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    ASSERT_EQ(children.size(), 2);
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    ASSERT_EQ(kill(children[0], SIGKILL), 0) << run.Log();
    EXPECT_EQ(run.Wait(), 1) << milliseconds;
    EXPECT_THAT(run.Log(),
                ContainsRegex("error: (rank 1 did not start: its process was killed by signal 9|lost rank 1)"))
        << milliseconds;
  }
}

TEST(RanksTest, WithoutRankZeroTheOthersEnd) {
  const std::string out = Folder() + "/headless";
  for (const int signal : {SIGKILL, SIGSTOP}) {
    Ranks ranks(out, 2, LongSets());
    AwaitTraining(ranks[0]);
    ranks[0].Signal(signal);
    EXPECT_EQ(ranks[1].Wait(), 1);
    EXPECT_THAT(ranks[1].Log(),
                ContainsRegex(signal == SIGSTOP ? "^error: rank 1 of 2 \\(torchrun\\): rank 0 has given "
                                                  "no sign of life for 3 s\n$"
                                                : "^error: rank 1 of 2 \\(torchrun\\): "));
  }
}

TEST(RanksTest, ASignalToAnyRankSavesAndEndsAll) {
  const std::string out = Folder() + "/signalled";
  for (const size_t rank : {0, 1}) {
    Ranks ranks(out, 2, LongSets());
    AwaitTraining(ranks[0]);
    ranks[rank].Signal(rank == 0 ? SIGUSR1 : SIGTERM);
    EXPECT_EQ(ranks[0].Wait(), 130) << ranks[0].Log();
    EXPECT_EQ(ranks[1].Wait(), 130) << ranks[1].Log();
    EXPECT_THAT(ranks[0].Log(), ContainsRegex("stopped at .*; the same command continues from there\n$"));
  }
  EXPECT_THAT(RecordOf(Spec(LongSets()), out), HasSubstr("version: 1\n"));
  EXPECT_TRUE(Bytes(out) == LongBytes());
}

// What rank 1 of 2 and rank 0 print if rank 1 is started in another way.
std::pair<std::string, std::string> Refused(const std::vector<std::string>& options,
                                            const std::map<std::string, std::string>& variables) {
  const std::string out = Folder() + "/refused";
  Ranks ranks(out, 2, {});
  ranks.Replace(1, ranks.Start(1, options, variables));
  EXPECT_EQ(ranks[0].Wait(), 1);
  EXPECT_EQ(ranks[1].Wait(), 1);
  EXPECT_FALSE(Exists(out + ".partial")) << "a run that failed leaves nothing";
  return {ranks[0].Log(), ranks[1].Log()};
}

TEST(RanksTest, AnotherSpecIsRefused) {
  EXPECT_THAT(Refused({"--set", "seed=6"}, {}).first,
              HasSubstr("error: rank 1: its spec differs from that of rank 0: `seed: 6` in place of `seed: 5`\n"));
}

TEST(RanksTest, WrongVariablesAreErrorsOfOneLine) {
  const auto error = [](const std::map<std::string, std::string>& variables,
                        const std::vector<std::string>& more = {}) {
    Process run(Folder() + "/wrong", more, variables, Folder() + "/wrong.log");
    EXPECT_EQ(run.Wait(), 1);
    return run.Log();
  };
  EXPECT_EQ(
      error({{"RANK", "2"}, {"WORLD_SIZE", "2"}}),
      "error: the environment variables RANK and WORLD_SIZE are 2 and 2; ranks are numbered from 0, so it must be "
      "less than WORLD_SIZE\n");
  EXPECT_EQ(error({{"RANK", "one"}, {"WORLD_SIZE", "2"}}),
            "error: the environment variable RANK is 'one'; it must be a whole number from 0 to 100000\n");
  EXPECT_THAT(error({{"RANK", "0"}}), HasSubstr("WORLD_SIZE is not set"));
  EXPECT_THAT(error({{"RANK", "0"}, {"WORLD_SIZE", "2"}, {"MASTER_ADDR", "127.0.0.1"}, {"MASTER_PORT", "5"}},
                    {"--processes", "2"}),
              HasSubstr("--processes starts processes itself, but this is already rank 0 of 2"));
}

TEST(RanksTest, ABusyPortAndASecondProcessOfARankAreErrors) {
  const std::string out = Folder() + "/twice";
  Ranks ranks(out, 2, LongSets());
  AwaitTraining(ranks[0]);
  const std::unique_ptr<Process> zero = ranks.Start(0);
  EXPECT_EQ(zero->Wait(), 1);
  EXPECT_THAT(zero->Log(),
              ContainsRegex("^error: rank 0 cannot listen on port [0-9]+: another program, or another rank "
                            "0, listens there; start torchrun with another --master-port\n$"));
  const std::unique_ptr<Process> one = ranks.Start(1);
  EXPECT_EQ(one->Wait(), 1);
  EXPECT_EQ(one->Log(), "error: rank 1 of 2 (torchrun): another process has joined the run as rank 1\n");
  // The run does not mind.
  EXPECT_EQ(ranks[0].Wait(), 0) << ranks[0].Log();
  EXPECT_TRUE(Bytes(out) == LongBytes());
}

}  // namespace
}  // namespace metaprompt

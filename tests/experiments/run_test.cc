// A whole experiment on a world of twelve words a class: the same record every time, on any number of threads, stopped
// at any step, killed at any time.
#include "experiments/runs/run.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "datasets/sources/load_dataset.h"
#include "experiments/host/blas.h"
#include "experiments/runs/run_directory.h"
#include "experiments/runs/train.h"
#include "experiments/runs/workbench.h"
#include "experiments/spec.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/spec_fields.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// A folder of the test's own, new at each start of the program.
const std::string& Folder() {
  static const auto* const folder = [] {
    std::string name = absl::StrCat(testing::TempDir(), "/run_test.XXXXXX");
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    return new std::string(name);
  }();
  return *folder;
}

std::string Read(const std::string& path) {
  const absl::StatusOr<std::string> bytes = ReadFile(path);
  EXPECT_TRUE(bytes.ok()) << bytes.status();
  return bytes.ok() ? *bytes : "";
}

bool Exists(const std::string& path) { return std::filesystem::exists(path); }

// Twelve classes of which each has words of its own, so that any text tells its class. `seed` draws the texts.
std::string WriteData(const std::string& name, uint64_t seed) {
  std::string lines;
  for (int of_class = 0; of_class < 12; ++of_class) {
    for (int text = 0; text < 12; ++text) {
      Random random(SubSeed(seed, name, static_cast<uint64_t>(of_class) * 100 + static_cast<uint64_t>(text)));
      absl::StrAppend(&lines, "class", std::string(1, static_cast<char>('a' + of_class)), "\t");
      for (int word = 0; word < 4; ++word) {
        const auto first = static_cast<char>('a' + of_class % 6);
        const auto second = static_cast<char>('m' + random.Below(6));
        const auto third = static_cast<char>('a' + of_class % 3 + of_class / 6 * 3);
        absl::StrAppend(&lines, word == 0 ? "" : " ", std::string({first, second, third}));
      }
      // A word that texts of all classes share, for word tasks; and no two texts alike.
      absl::StrAppend(&lines, text % 3 == 0 ? " red " : text % 3 == 1 ? " green " : " blue ", text, "\n");
    }
  }
  std::string path = absl::StrCat(Folder(), "/", name);
  EXPECT_TRUE(WriteFileAtomically(path, lines).ok());
  return path;
}

const std::string& DataPath() {
  static const auto* const path = new std::string(WriteData("words.tsv", 1));
  return *path;
}

// The spec as a file; `$` in the template is the data.
const std::string& SpecPath() {
  static const auto* const path = [] {
    constexpr char kSpec[] = R"(
      name: "tiny"
      seed: 5
      dataset { tsv { path: "$" } split { shares { train: 0.4 valid: 0.3 } } }
      model {
        tokenizer { vocab_size: 90 }
        encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 32 max_positions: 16 init_std: 1 } }
        prompt { template: "{text} is <soft> {mask}" }
        verbalizer { allow_same_words: true }  # so few pieces lack letters of the names
      }
      episodes { ways: 3 shots: 1 queries: 4 borrowed_answers: 0.3 word_tasks: 0.4 }
      learner {
        maml {}
        inner { steps: 2 encoder_lr: 0.1 prompt_lr: 0.1 class_lr: 0.5 }
        meta_optimizer { encoder_lr: 0.01 word_lr: 0.01 }
      }
      train { meta_steps: 12 meta_batch: 2 validate_every: 5 valid_episodes: 6 checkpoint_every: 2 }
      test { episodes: 24 }
      threads: 1)";
    auto* name = new std::string(absl::StrCat(Folder(), "/tiny.textproto"));
    EXPECT_TRUE(WriteFileAtomically(*name, absl::StrJoin(absl::StrSplit(kSpec, '$'), DataPath())).ok());
    return name;
  }();
  return *path;
}

ExperimentSpec Spec(const std::vector<std::string>& sets = {}) {
  absl::StatusOr<ExperimentSpec> spec = LoadSpec(SpecPath(), sets);
  EXPECT_TRUE(spec.ok()) << spec.status();
  return *spec;
}

// Runs, and returns the record's bytes or the error.
std::string RecordOf(const ExperimentSpec& spec, const std::string& out, RunRecord* record = nullptr) {
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(false);
  const absl::StatusOr<RunRecord> result = RunExperiment(spec, out, &progress, stop);
  if (!result.ok()) {
    return std::string(result.status().message());
  }
  EXPECT_FALSE(Exists(out + ".partial"));
  if (record != nullptr) {
    *record = *result;
  }
  const std::string bytes = Read(out + "/record.textproto");
  EXPECT_EQ(bytes, SpecText(*result));
  return bytes;
}

// The undisturbed run that the others are held against.
const std::string& Undisturbed() {
  static const auto* const bytes = new std::string(RecordOf(Spec(), Folder() + "/undisturbed"));
  return *bytes;
}

TEST(RunTest, TheSameSpecGivesTheSameBytes) {
  ASSERT_THAT(Undisturbed(), StartsWith("version: 1"));
  EXPECT_EQ(RecordOf(Spec(), Folder() + "/again"), Undisturbed());
  for (const char* file : {"tokenizer.model", "best-1shot.safetensors", "checkpoint-1shot.safetensors", "curve.tsv",
                           "spec.textproto", "test-1shot-random.tsv", "test-1shot-meta-learned.tsv"}) {
    EXPECT_EQ(Read(absl::StrCat(Folder(), "/again/", file)), Read(absl::StrCat(Folder(), "/undisturbed/", file)))
        << file;
  }
  EXPECT_NE(RecordOf(Spec({"seed=6"}), Folder() + "/seed6"), Undisturbed());
}

TEST(RunTest, TwoThreadsGiveTheSameRecordButForTheSpecsOwnLine) {
  const std::string two = RecordOf(Spec({"threads=2"}), Folder() + "/threads2");
  const std::vector<std::string> a = absl::StrSplit(Undisturbed(), '\n');
  const std::vector<std::string> b = absl::StrSplit(two, '\n');
  ASSERT_EQ(a.size(), b.size());
  int different = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) {
      ++different;
      EXPECT_EQ(a[i], "  threads: 1");
      EXPECT_EQ(b[i], "  threads: 2");
    }
  }
  EXPECT_EQ(different, 1);
  EXPECT_EQ(Read(Folder() + "/threads2/best-1shot.safetensors"),
            Read(Folder() + "/undisturbed/best-1shot.safetensors"));
}

TEST(RunTest, TheRecordAgreesWithItself) {
  RunRecord record;
  const ExperimentSpec spec = Spec(
      {"episodes.shots=1,2", "train.validate_after=5", "learner.inner.class_lr=0.01", "learner.inner.encoder_lr=0"});
  RecordOf(spec, Folder() + "/facts", &record);
  EXPECT_EQ(SpecText(record.spec()), SpecText(spec));
  EXPECT_EQ(record.dataset().texts(), 12 * 12);
  EXPECT_EQ(record.dataset().train_classes() + record.dataset().valid_classes() + record.dataset().test_classes(), 12);
  EXPECT_EQ(record.dataset().content_sha256(), ContentSha256(*LoadDataset(spec.dataset())));
  EXPECT_EQ(record.model().tokenizer_sha256(), Sha256(Read(Folder() + "/facts/tokenizer.model")));
  EXPECT_EQ(record.model().vocab_size(), 90);
  // Embeddings of 90 words, 16 positions and 2 types; one layer; the head's dense layer and norm and a bias a word.
  EXPECT_EQ(record.model().encoder_parameters(),
            16 * (90 + 16 + 2) + 2 * 16 + 4 * (16 * 16 + 16) + 2 * 16 * 32 + 32 + 16 + 4 * 16 + 16 * 16 + 3 * 16 + 90);
  EXPECT_EQ(record.model().prompt_parameters(), 16);
  ASSERT_EQ(record.results_size(), 2);
  for (int k = 0; k < 2; ++k) {
    const ShotResult& result = record.results(k);
    EXPECT_EQ(result.shots(), k + 1);
    EXPECT_EQ(result.trained_meta_steps(), 12);
    std::vector<int64_t> steps;
    double best = -1;
    int64_t best_step = -1;
    for (const CurvePoint& point : result.curve()) {
      steps.push_back(point.meta_step());
      EXPECT_TRUE(std::isfinite(point.query_loss()) && point.query_loss() > 0);
      if (point.valid_accuracy() > best) {
        best = point.valid_accuracy();
        best_step = point.meta_step();
      }
    }
    EXPECT_THAT(steps, ::testing::ElementsAre(5, 10, 12));
    EXPECT_EQ(result.best_meta_step(), best_step);
    ASSERT_EQ(result.tests_size(), 2);
    EXPECT_EQ(result.tests(0).initialisation(), "random");
    EXPECT_EQ(result.tests(1).initialisation(), "meta-learned");
    double difference = 0;
    std::vector<double> differences;
    for (const Evaluation& test : result.tests()) {
      ASSERT_EQ(test.accuracies_size(), 24);
      double mean = 0;
      for (const float accuracy : test.accuracies()) {
        EXPECT_NEAR(accuracy * 12, std::round(accuracy * 12), 1e-5);  // 12 query texts
        mean += accuracy / 24;
      }
      EXPECT_NEAR(test.mean_accuracy(), mean, 1e-6);
      const std::string file = absl::StrCat(Folder(), "/facts/test-", k + 1, "shot-", test.initialisation(), ".tsv");
      EXPECT_EQ(test.predictions_sha256(), Sha256(Read(file)));
    }
    for (int i = 0; i < 24; ++i) {
      differences.push_back(static_cast<double>(result.tests(1).accuracies(i)) - result.tests(0).accuracies(i));
      difference += differences.back() / 24;
    }
    double variance = 0;
    for (const double one : differences) {
      variance += (one - difference) * (one - difference) / 23;
    }
    ASSERT_EQ(result.differences_size(), 1);
    EXPECT_EQ(result.differences(0).of(), "meta-learned");
    EXPECT_EQ(result.differences(0).over(), "random");
    EXPECT_NEAR(result.differences(0).mean(), difference, 1e-9);
    EXPECT_NEAR(result.differences(0).half_width(), 1.96 * std::sqrt(variance / 24), 1e-9);
    EXPECT_GT(result.differences(0).half_width(), 0);
  }
}

// ---------------------------------------------------------------- stopping

// Sets a flag once the task count comes to `after`.
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

// Meta-trains in as many calls as it takes, each of which is asked to stop in its `steps`-th meta-step.
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
    TaskPool pool(1);
    std::atomic<bool> stop(false);
    const StoppingLearner stopping(learner.get(), steps * spec.train().meta_batch(), &stop);
    const RunContext context = {bench->get(), &stopping, directory->get(), &pool, &progress, &stop};
    const absl::StatusOr<Trained> trained = MetaTrain(context, 1);
    if (trained.ok()) {
      return absl::StrCat(SpecText(trained->result), Read((*directory)->File("best-1shot.safetensors")),
                          Read((*directory)->File("checkpoint-1shot.safetensors")));
    }
    expected_step += steps;
    EXPECT_TRUE(absl::IsCancelled(trained.status()));
    EXPECT_EQ(trained.status().message(),
              absl::StrCat("stopped at meta-step ", expected_step,
                           " of 1-shot meta-training; the same command goes on from there"));
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
  // Of what is not learned there are no moments, in memory or in the file.
  const ExperimentSpec prompt = Spec({"learner.learns.part=PROMPT"});
  const std::string whole_prompt = TrainInPieces(prompt, "whole-prompt", 1000);
  EXPECT_EQ(TrainInPieces(prompt, "pieces-prompt", 3), whole_prompt);
  EXPECT_THAT(whole, HasSubstr("first/bert."));
  EXPECT_THAT(whole_prompt, AllOf(HasSubstr("first/prompt."), Not(HasSubstr("first/bert."))));
}

// Sets a flag when the n-th line ends. Without a buffer, so that every character comes by.
class StopAtLine : public std::streambuf {
 public:
  StopAtLine(int line, std::atomic<bool>* stop) : line_(line), stop_(stop) {}

 protected:
  int overflow(int c) override {
    if (c == '\n' && ++lines_ == line_) {
      *stop_ = true;
    }
    return c;
  }

 private:
  int line_;
  std::atomic<bool>* stop_;
  int lines_ = 0;
};

TEST(StopTest, ARunStoppedAfterAnyLineEndsWithTheSameRecord) {
  int cancelled = 0;
  // The data; validations at 0, 5, 10 and 12; the ends of training and of the first test; the end.
  for (const int line : {1, 3, 5, 6, 7, 8}) {
    const std::string out = absl::StrCat(Folder(), "/line", line);
    std::atomic<bool> stop(false);
    StopAtLine buffer(line, &stop);
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
                           ".partial: a stopped run of another spec lies there; name another folder with --out, or "
                           "remove it"));
    EXPECT_EQ(RecordOf(Spec(), out), Undisturbed()) << "after line " << line;
  }
  EXPECT_EQ(cancelled, 5);  // nothing is left to stop after the last
}

// Sums inside one task depend on the number of threads: a run keeps that which it began with.
TEST(StopTest, ARunThatGoesOnOnFewerCoresHasAsManyThreads) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  const int cores = CPU_COUNT(&before);
  const std::string out = Folder() + "/cores";
  std::atomic<bool> stop(false);
  StopAtLine buffer(3, &stop);
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
              "stopped at meta-step 0 of 1-shot meta-training; the same command goes on from there");
  }
  EXPECT_EQ(RecordOf(Spec(), out), Undisturbed());
}

// ---------------------------------------------------------------- the program itself

// Starts `metaprompt run SPEC --out OUT`, its output going to OUT.log.
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
    if (!kernel.empty()) {  // the one in use here: of its own accord the program takes a faster one, which rounds apart
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

// Waits until the file is there or a minute has gone by.
void AwaitFile(const std::string& path) {
  for (int i = 0; i < 60000 && !Exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(Exists(path)) << path;
}

// Long enough that a signal finds it at work.
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
  EXPECT_THAT(Read(out + ".log"), HasSubstr("1-shot meta-training: going on from meta-step "));
  const int status = WaitFor(Start(out, LongSets()));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << Read(out + ".log");
  EXPECT_EQ(Read(out + "/record.textproto"), LongRecord());
}

TEST(ProgramTest, InterruptedItSavesSaysSoAndGoesOn) {
  const std::string out = Folder() + "/interrupted";
  const pid_t child = Start(out, LongSets());
  AwaitFile(out + ".partial/checkpoint-1shot.safetensors");
  // Another process must not work in the same folder meanwhile.
  EXPECT_EQ(RecordOf(Spec(LongSets()), out), absl::StrCat(out, ".partial: another process is working on this run"));
  ASSERT_EQ(kill(child, SIGINT), 0);
  const int status = WaitFor(child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 130);
  const std::string log = Read(out + ".log");
  EXPECT_THAT(log, HasSubstr("stopping after this step; once more to stop at once\n"));
  EXPECT_THAT(log, ::testing::ContainsRegex(
                       "stopped at meta-step [0-9]+ of 1-shot meta-training; the same command goes on from there\n"));
  EXPECT_EQ(RecordOf(Spec(LongSets()), out), LongRecord());
  // And once it is complete, its folder is taken.
  const int again = WaitFor(Start(out, LongSets()));
  ASSERT_TRUE(WIFEXITED(again));
  EXPECT_EQ(WEXITSTATUS(again), 1);
  EXPECT_EQ(Read(out + ".log"),
            absl::StrCat("error: ", out, ": the run directory exists; name another with --out, or remove it\n"));
}

// ---------------------------------------------------------------- what must not happen

TEST(RunTest, DataThatChangedMeanwhileIsAnError) {
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

TEST(RunTest, TestTextsAreNotLookedAtBeforeMetaTest) {
  // Other test texts, and other texts alone: nothing that is learned before meta-test may change.
  const ExperimentSpec spec = Spec();
  const Dataset dataset = *LoadDataset(spec.dataset());
  std::string lines;
  for (const TextClass& one : dataset.classes) {
    for (size_t i = 0; i < one.texts.size(); ++i) {
      absl::StrAppend(&lines, one.label, "\t",
                      one.split == Split::kTest ? absl::StrCat("something else ", i) : one.texts[i], "\n");
    }
  }
  const std::string path = Folder() + "/other.tsv";
  ASSERT_TRUE(WriteFileAtomically(path, lines).ok());
  RunRecord record;
  RecordOf(Spec({absl::StrCat("dataset.tsv.path=", path)}), Folder() + "/other", &record);
  RunRecord before;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(Undisturbed(), &before));
  EXPECT_NE(record.dataset().content_sha256(), before.dataset().content_sha256());
  EXPECT_EQ(SpecText(record.model()), SpecText(before.model()));
  EXPECT_EQ(SpecText(record.results(0).curve(2)), SpecText(before.results(0).curve(2)));
  for (const char* file : {"tokenizer.model", "best-1shot.safetensors", "checkpoint-1shot.safetensors"}) {
    EXPECT_EQ(Read(absl::StrCat(Folder(), "/other/", file)), Read(absl::StrCat(Folder(), "/undisturbed/", file)));
  }
  EXPECT_NE(record.results(0).tests(0).predictions_sha256(), before.results(0).tests(0).predictions_sha256());
}

TEST(RunTest, TestTextsAreSealedButInMetaTest) {
  absl::StatusOr<std::unique_ptr<Workbench>> bench = Workbench::Open(Spec(), {});
  ASSERT_TRUE(bench.ok()) << bench.status();
  const TextClass& test_class = *(*bench)->dataset().Of(Split::kTest)[0];
  constexpr char kSealed[] = "the texts of the test classes are sealed until meta-test begins";
  constexpr char kEnd[] = "a text of a sealed class was read: test classes are sealed until meta-test";
  EXPECT_EQ((*bench)->Prompted(Split::kTest).status().message(), kSealed);
  EXPECT_DEATH(test_class.texts[0].size(), kEnd);
  // What comes before meta-test does without them: standardisation, and the splits that train and choose.
  EXPECT_TRUE((*bench)->InitialParams(1).ok());
  const TextSource* train = *(*bench)->Prompted(Split::kTrain);
  EXPECT_TRUE((*bench)->Prompted(Split::kValid).ok());
  {
    // The workbench prompts a split when it is asked for, once.
    const Workbench::MetaTestAccess access = (*bench)->BeginMetaTest();
    const TextSource* test = *(*bench)->Prompted(Split::kTest);
    EXPECT_EQ(*(*bench)->Prompted(Split::kTest), test);
    EXPECT_NE(train, test);
    EXPECT_EQ(test->sizes().size(), (*bench)->dataset().Of(Split::kTest).size());
    EXPECT_FALSE(test_class.texts[0].empty());
  }
  // The next number of shots trains after the first one's meta-test.
  EXPECT_EQ((*bench)->Prompted(Split::kTest).status().message(), kSealed);
  EXPECT_DEATH(test_class.texts[0].size(), kEnd);
}

TEST(RunTest, SkippedLinesAreInTheRecord) {
  const std::string path = Folder() + "/damaged.tsv";
  const std::string whole = Read(Spec().dataset().tsv().path());
  ASSERT_TRUE(WriteFileAtomically(path, absl::StrCat("no tab\n", whole, "\xff\n")).ok());
  const std::string set = absl::StrCat("dataset.tsv.path=", path);
  EXPECT_EQ(Workbench::Open(Spec({set}), {}).status().message(),
            absl::StrCat(path, ":1: no tab between label and text\n", path, ":",
                         std::count(whole.begin(), whole.end(), '\n') + 2,
                         ": not valid UTF-8 at byte 1\n2 damaged lines; dataset.skip_bad_lines: true leaves them out"));
  const auto bench = Workbench::Open(Spec({set, "dataset.skip_bad_lines=true"}), {});
  ASSERT_TRUE(bench.ok()) << bench.status();
  EXPECT_EQ((*bench)->dataset_facts().skipped_bad_lines(), 2);
  EXPECT_EQ((*bench)->dataset_facts().content_sha256(), ContentSha256(*LoadDataset(Spec().dataset())));
}

TEST(RunTest, ClassesOfTheSameAnswerWordsAreRefused) {
  ExperimentSpec spec = Spec({"model.verbalizer.allow_same_words=false"});
  const Dataset dataset = *LoadDataset(spec.dataset());
  // Words of letters that the texts have: m, n, ..., then m m, n n, ...
  VerbalizerSpec* verbalizer = spec.mutable_model()->mutable_verbalizer();
  for (size_t i = 0; i < dataset.classes.size(); ++i) {
    AnswerSpec* answer = verbalizer->add_answers();
    answer->set_label(dataset.classes[i].label);
    const std::string letter(1, static_cast<char>('m' + i % 6));
    answer->add_words(i < 6 ? letter : absl::StrCat(letter, " ", letter));
  }
  const auto set_words = [&](const TextClass* of, const std::string& words) {
    verbalizer->mutable_answers(static_cast<int>(of - dataset.classes.data()))->set_words(0, words);
  };
  EXPECT_TRUE(Workbench::Open(spec, {}).ok());
  const std::vector<const TextClass*> test = dataset.Of(Split::kTest);
  set_words(test[0], "m n o");
  set_words(test[1], "o m n");
  EXPECT_EQ(
      Workbench::Open(spec, {}).status().message(),
      absl::StrCat("the test classes '", test[0]->label, "' and '", test[1]->label,
                   "' have the same answer words to this tokenizer (names '", test[0]->name, "', '", test[1]->name,
                   "'), so that nothing tells them apart; give one others in model.verbalizer.answers, leave one "
                   "out of dataset.split, or set model.verbalizer.allow_same_words"));
  verbalizer->set_allow_same_words(true);
  EXPECT_TRUE(Workbench::Open(spec, {}).ok());
  // On two sides they never meet.
  verbalizer->set_allow_same_words(false);
  set_words(test[1], "o m n m");
  set_words(dataset.Of(Split::kTrain)[0], "o m n");
  EXPECT_TRUE(Workbench::Open(spec, {}).ok());
}

TEST(RunTest, SplitsOfTooFewTextsAreErrorsBeforeAnythingIsTrained) {
  EXPECT_EQ(RecordOf(Spec({"episodes.queries=12"}), Folder() + "/few")
                .find("an episode needs shots + queries = 1 + 12 texts "
                      "of a class; these train classes have fewer: 'class"),
            0);
}

TEST(RunTest, BrokenCheckpointsAreErrorsThatNameTheFile) {
  const std::string out = Folder() + "/broken";
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(true);
  ASSERT_TRUE(absl::IsCancelled(RunExperiment(Spec(), out, &progress, stop).status()));
  const std::string path = out + ".partial/checkpoint-1shot.safetensors";
  const std::string bytes = Read(path);
  ASSERT_TRUE(WriteFileAtomically(path, bytes.substr(0, bytes.size() - 1)).ok());
  EXPECT_THAT(RecordOf(Spec(), out), StartsWith(path + ": not a whole safetensors file: tensor '"));
  ASSERT_TRUE(WriteFileAtomically(path, Read(out + ".partial/best-1shot.safetensors")).ok());
  EXPECT_EQ(RecordOf(Spec(), out),
            path + ": it holds no training progress; remove the file to train from the beginning");
}

}  // namespace
}  // namespace metaprompt

// A whole experiment on small data: the same record every time, on any number of threads, and no reading of test texts
// before meta-test.
#include "experiments/runs/run.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "datasets/sources/load_dataset.h"
#include "episodes/sampler.h"
#include "episodes/text_source.h"
#include "experiments/workbench/workbench.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/statistics.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/tiny_run.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

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
  // Embeddings of 90 words, 16 positions and 2 types; one layer; the head's dense layer and norm, and one bias per
  // word.
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
    EXPECT_NEAR(result.differences(0).half_width(), StudentQuantile(23) * std::sqrt(variance / 24), 1e-9);
    EXPECT_GT(result.differences(0).half_width(), 0);
  }
}

TEST(RunTest, TestTextsAreNotReadBeforeMetaTest) {
  // Changes only the test texts: nothing that is learned before meta-test may change.
  const ExperimentSpec spec = Spec();
  const Dataset dataset = *LoadDataset(spec.dataset());
  std::string lines;
  for (const TextClass& one : dataset.classes) {
    for (size_t i = 0; i < one.texts.size(); ++i) {
      absl::StrAppend(&lines, one.label, "\t",
                      one.split == Split::kTest ? absl::StrCat("something else ", i, " of ", one.label) : one.texts[i],
                      "\n");
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

TEST(RunTest, TestTextsAreSealedOutsideMetaTest) {
  absl::StatusOr<std::unique_ptr<Workbench>> bench = Workbench::Open(Spec(), {});
  ASSERT_TRUE(bench.ok()) << bench.status();
  const TextClass& test_class = *(*bench)->dataset().Of(Split::kTest)[0];
  constexpr char kSealed[] = "the texts of the test classes are sealed until meta-test begins";
  constexpr char kEnd[] = "a text of a sealed class was read: test classes are sealed until meta-test";
  EXPECT_EQ((*bench)->Prompted(Split::kTest).status().message(), kSealed);
  EXPECT_DEATH(test_class.texts[0].size(), kEnd);
  // The steps before meta-test do not need them: standardisation, training and validation.
  EXPECT_TRUE((*bench)->InitialParams(1).ok());
  const TaskSource* train = *(*bench)->Prompted(Split::kTrain);
  EXPECT_TRUE((*bench)->Prompted(Split::kValid).ok());
  {
    // The workbench builds the prompts of a split once, on first use.
    const TestSet::Access access = (*bench)->test_set().Begin();
    const TaskSource* test = *(*bench)->Prompted(Split::kTest);
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

// How many of the sampler's first episodes have a text in the support set and, in its own or another class, in the
// query set. `ids`: for each class, the texts that several classes have, and what identifies them.
int EpisodesWithCopies(const EpisodeSampler& sampler, const std::vector<std::map<int64_t, int64_t>>& ids) {
  int count = 0;
  for (int64_t i = 0; i < 300; ++i) {
    const EpisodePlan plan = sampler.Plan(i);
    const auto of = [&](const std::vector<TextRef>& refs) {
      std::set<int64_t> found;
      for (const TextRef& ref : refs) {
        const std::map<int64_t, int64_t>& of_class = ids[static_cast<size_t>(ref.of_class)];
        if (const auto id = of_class.find(ref.text); id != of_class.end()) {
          found.insert(id->second);
        }
      }
      return found;
    };
    const std::set<int64_t> support = of(plan.support);
    const std::set<int64_t> query = of(plan.query);
    count += std::any_of(query.begin(), query.end(), [&](int64_t id) { return support.count(id) > 0; }) ? 1 : 0;
  }
  return count;
}

// All classes have four texts in common. All texts of a training class are also texts of a test class, which is no
// obstacle, because these two classes are never in one task.
TEST(RunTest, TextsUnderTwoLabelsAreCountedAndKeptApart) {
  const Dataset plain = *LoadDataset(Spec().dataset());
  const TextClass& train = *plain.Of(Split::kTrain)[0];
  const TextClass& test = *plain.Of(Split::kTest)[0];
  std::string lines = Read(Spec().dataset().tsv().path());
  for (const TextClass& one : plain.classes) {
    for (size_t i = 0; i < 4; ++i) {
      absl::StrAppend(&lines, one.label, "\t", plain.Of(Split::kValid)[0]->texts[i], "\n");
    }
  }
  for (const std::string& text : train.texts) {
    absl::StrAppend(&lines, test.label, "\t", text, "\n");
  }
  // The tokenizer lacks a word of this class name.
  lines = absl::StrReplaceAll(lines, {{test.label + "\t", test.label + "-\xe2\x98\x83\t"}});
  const std::string path = Folder() + "/shared.tsv";
  ASSERT_TRUE(WriteFileAtomically(path, lines).ok());
  const std::string set = absl::StrCat("dataset.tsv.path=", path);
  for (const bool apart : {true, false}) {
    std::vector<std::string> sets = {set, "episodes.word_tasks=1"};
    if (!apart) {
      sets.emplace_back("episodes.allow_shared_texts={}");
    }
    const auto bench = Workbench::Open(Spec(sets), {});
    ASSERT_TRUE(bench.ok()) << bench.status();
    EXPECT_EQ((*bench)->dataset_facts().shared_texts(), 4 + static_cast<int64_t>(train.texts.size()));
    std::vector<std::map<int64_t, int64_t>> ids;
    for (const TextClass* one : (*bench)->dataset().Of(Split::kTrain)) {
      ids.push_back(one->shared);
    }
    const int count = EpisodesWithCopies((*bench)->Sampler(Split::kTrain, 1).value(), ids);
    EXPECT_EQ(apart, count == 0) << count;
    const auto* texts = static_cast<const TextSource*>((*bench)->Prompted(Split::kTrain).value());
    const int word_tasks = EpisodesWithCopies((*bench)->TrainSampler(1).value(), texts->WordShared());
    EXPECT_EQ(apart, word_tasks == 0) << word_tasks;
  }
  std::ostringstream shown;
  Progress progress(&shown, false);
  const std::atomic<bool> stop(true);
  EXPECT_TRUE(absl::IsCancelled(RunExperiment(Spec({set}), Folder() + "/shared", &progress, stop).status()));
  EXPECT_THAT(shown.str(), HasSubstr(absl::StrCat("; ", 4 + train.texts.size(),
                                                  " texts have two labels; the tokenizer "
                                                  "lacks words of 1 class names, such as "
                                                  "'\xe2\x98\x83' of '",
                                                  test.name, " \xe2\x98\x83' (")));
}

TEST(RunTest, ClassesOfTheSameAnswerWordsAreRefused) {
  ExperimentSpec spec = Spec({"model.verbalizer.allow_same_words=false"});
  const Dataset dataset = *LoadDataset(spec.dataset());
  // Words of letters that occur in the texts: m, n, ..., then m m, n n, ...
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
  EXPECT_EQ(Workbench::Open(spec, {}).status().message(),
            absl::StrCat(
                "the test classes '", test[0]->label, "' and '", test[1]->label,
                "' have the same answer words in this tokenizer (names '", test[0]->name, "', '", test[1]->name,
                "'), so that their logits are always equal; give one of them other words in "
                "model.verbalizer.answers, leave one out of dataset.split, or set model.verbalizer.allow_same_words"));
  verbalizer->set_allow_same_words(true);
  EXPECT_TRUE(Workbench::Open(spec, {}).ok());
  // Classes on two sides of the split are never in one task.
  verbalizer->set_allow_same_words(false);
  set_words(test[1], "o m n m");
  set_words(dataset.Of(Split::kTrain)[0], "o m n");
  EXPECT_TRUE(Workbench::Open(spec, {}).ok());
}

TEST(RunTest, SplitsOfTooFewTextsAreErrorsBeforeAnythingIsTrained) {
  EXPECT_EQ(RecordOf(Spec({"episodes.queries=12"}), Folder() + "/few")
                .find("an episode needs shots + queries = 1 + 12 texts "
                      "per class; these classes of the split 'train' have fewer: 'class"),
            0);
}

}  // namespace
}  // namespace metaprompt

// Saved episodes. A run with a manifest gives the same results as the run that saved it. A manifest of other data, or
// for other tasks, is an error that names the line.
#include "episodes/manifest.h"

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
#include "absl/strings/str_split.h"
#include "experiments/cli/command_line.h"
#include "experiments/result.pb.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Two classes of four texts each.
std::vector<TextClass> Classes() {
  return {TextClass{"a b", "a b", Split::kTest, std::vector<std::string>{"zero", "one", "two", "three"}},
          TextClass{"c", "c", Split::kTest, std::vector<std::string>{"four", "five", "six", "seven"}},
          TextClass{"d", "d", Split::kTest, std::vector<std::string>{"eight", "nine"}}};
}

EpisodeManifest Manifest() {
  EpisodeManifest manifest;
  manifest.dataset = "mine.tsv";
  manifest.content_sha256 = "abc";
  manifest.split = "test";
  manifest.seed = 7;
  manifest.ways = 2;
  manifest.queries = 2;
  EpisodePlan plan;
  plan.classes = {1, 0};
  plan.support = {TextRef{1, 3}, TextRef{0, 0}};
  plan.query = {TextRef{1, 0}, TextRef{1, 2}, TextRef{0, 3}, TextRef{0, 1}};
  manifest.episodes[1] = {plan};
  plan.index = 1;
  plan.support[0].text = 1;
  manifest.episodes[1].push_back(plan);
  return manifest;
}

std::string HashOf(const std::string& label, const std::string& text) {
  return Sha256(absl::StrCat(label, "\t", text)).substr(0, 16);
}

std::string Text() {
  const std::vector<TextClass> classes = Classes();
  return ManifestText(Manifest(), {&classes[0], &classes[1], &classes[2]});
}

// The error for the text with one part replaced; empty if there is none.
std::string ErrorOf(const std::string& part, const std::string& by, ManifestNeeds needs = {"test", 2, 2, {1}, 2}) {
  const std::vector<TextClass> classes = Classes();
  EXPECT_THAT(Text(), HasSubstr(part));
  const absl::StatusOr<EpisodeManifest> manifest =
      ParseManifest(absl::StrReplaceAll(Text(), {{part, by}}), "m", needs, {&classes[0], &classes[1], &classes[2]});
  return std::string(manifest.status().message());
}

TEST(ManifestTest, TheFileIsWhatIsDocumentedAndIsReadAgain) {
  EXPECT_EQ(Text(), absl::StrCat("metaprompt-episodes\t1\n"
                                 "# episode, shots, number, and for each way: label, support texts, query texts "
                                 "(NUMBER:HASH)\n"
                                 "dataset\tmine.tsv\tabc\nsplit\ttest\nseed\t7\nways\t2\nqueries\t2\n"
                                 "episode\t1\t0\tc\t3:",
                                 HashOf("c", "seven"), "\t0:", HashOf("c", "four"), " 2:", HashOf("c", "six"),
                                 "\ta b\t0:", HashOf("a b", "zero"), "\t3:", HashOf("a b", "three"),
                                 " 1:", HashOf("a b", "one"), "\nepisode\t1\t1\tc\t1:", HashOf("c", "five"), "\t0:",
                                 HashOf("c", "four"), " 2:", HashOf("c", "six"), "\ta b\t0:", HashOf("a b", "zero"),
                                 "\t3:", HashOf("a b", "three"), " 1:", HashOf("a b", "one"), "\n"));
  const std::vector<TextClass> classes = Classes();
  const std::vector<const TextClass*> pointers = {&classes[0], &classes[1], &classes[2]};
  const absl::StatusOr<EpisodeManifest> again = ParseManifest(Text(), "m", {"test", 2, 2, {1}, 2}, pointers);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ManifestText(*again, pointers), Text());
  EXPECT_EQ(again->episodes.at(1)[1].index, 1);
  EXPECT_EQ(again->episodes.at(1)[0].classes, (std::vector<int64_t>{1, 0}));
  EXPECT_EQ(again->episodes.at(1)[0].query, Manifest().episodes[1][0].query);
}

TEST(ManifestTest, ErrorsNameTheLine) {
  EXPECT_EQ(
      ErrorOf("metaprompt-", "meta-"),
      "m:1: not a line `metaprompt-episodes` with 1 value; is this a file that `metaprompt episodes --save` wrote?");
  EXPECT_EQ(ErrorOf("episodes\t1\n#", "episodes\t2\n#"),
            "m:1: version '2' of the format; this program reads version 1");
  EXPECT_EQ(ErrorOf("", "", {"valid", 2, 2, {1}, 2}),
            "m:4: the episodes are of the split 'test'; those of valid are needed");
  EXPECT_EQ(ErrorOf("", "", {"test", 3, 2, {1}, 2}), "m:6: ways is 2; the spec's episodes.ways is 3");
  EXPECT_EQ(ErrorOf("", "", {"test", 2, 5, {1}, 2}), "m:7: queries is 2; the spec's episodes.queries is 5");
  EXPECT_EQ(ErrorOf("", "", {"test", 2, 2, {1, 5}, 2}), "m: it has 0 5-shot episodes; 2 are needed");
  EXPECT_EQ(ErrorOf("", "", {"test", 2, 2, {1}, 3}), "m: it has 2 1-shot episodes; 3 are needed");
  EXPECT_EQ(ErrorOf("ways\t2", "ways\ttwo"), "m:6: 'two' is not a whole number >= 1");
  EXPECT_EQ(ErrorOf("seed\t7", "seed\t-7"), "m:5: '-7' is not a seed, which is a whole number >= 0");
  EXPECT_EQ(ErrorOf("episode\t1\t1", "episode\t1\t2"),
            "m:9: 1-shot episode 2 in place of episode 1; they are counted from 0");
  EXPECT_EQ(ErrorOf("episode\t1\t1", "episode\t2\t0"), "m:9: 1 support texts of the class 'c' instead of 2");
  EXPECT_EQ(ErrorOf("\ta b\t", "\tz\t"), "m:8: the class 'z' is not in the data's test split");
  EXPECT_EQ(ErrorOf("\tc\t", "\ta b\t"),
            absl::StrCat("m:8: text 3 of the class 'a b' has the hash ", HashOf("a b", "three"), ", not ",
                         HashOf("c", "seven"), "; the episodes were saved from other data"));
  EXPECT_EQ(ErrorOf("\tc\t3:" + HashOf("c", "seven"), "\tc\t9:0"),
            "m:8: text 9 of the class 'c', which has 4; the episodes were saved from other data");
  EXPECT_EQ(ErrorOf("\tc\t3:" + HashOf("c", "seven"), "\tc\t0:" + HashOf("c", "four")),
            "m:8: text 0 of the class 'c' occurs twice in the episode");
  EXPECT_EQ(ErrorOf("\tc\t3:", "\tc\t-3:"),
            absl::StrCat("m:8: '-3:", HashOf("c", "seven"), "' is not NUMBER:HASH, which identifies a text"));
  EXPECT_EQ(ErrorOf("\ta b\t0", "\t0"),
            "m:8: 5 columns of classes and texts; 2 ways need three each: label, support texts, query texts");
}

// ---------------------------------------------------------------- the whole program

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

// In arguments, files and messages, `$` stands for the folder of the test.
class FrozenEpisodesTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name(), "/");
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    std::string data;
    for (int c = 0; c < 9; ++c) {
      for (int i = 0; i < 6; ++i) {
        absl::StrAppend(&data, "class-", c, "\tthe word ", c * 7, " stands beside number ", i * 31, "\n");
      }
    }
    Write("data.tsv", data);
    Write("tiny.textproto", kTiny);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string In(absl::string_view text) const { return absl::StrReplaceAll(text, {{"$", folder_}}); }
  void Write(const std::string& name, absl::string_view text) const {
    ASSERT_TRUE(WriteFileAtomically(folder_ + name, In(text)).ok());
  }
  std::string Read(const std::string& name) const { return ReadFile(folder_ + name).value(); }

  Outcome Command(const std::vector<std::string>& arguments, bool stop = false) const {
    std::vector<std::string> here;
    for (const std::string& argument : arguments) {
      here.push_back(In(argument));
    }
    std::istringstream in;
    std::ostringstream out;
    std::ostringstream err;
    const std::atomic<bool> stopped(stop);
    Outcome outcome;
    outcome.status = RunCommand(here, {&out, &err, false, &stopped, &in});
    outcome.out = absl::StrReplaceAll(out.str(), {{folder_, "$"}});
    outcome.err = absl::StrReplaceAll(err.str(), {{folder_, "$"}});
    return outcome;
  }

  RunRecord RecordOf(const std::string& out, const std::vector<std::string>& sets) const {
    std::vector<std::string> run = {"run", "$tiny.textproto", "--out", "$" + out};
    for (const std::string& set : sets) {
      run.insert(run.end(), {"--set", set});
    }
    const Outcome outcome = Command(run);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    RunRecord record;
    EXPECT_TRUE(ParseSpec(Read(out + "/record.textproto"), "record", &record).ok());
    return record;
  }

  static constexpr char kTiny[] =
      "name: 'tiny'\n"
      "seed: 3\n"
      "dataset { tsv { path: '$data.tsv' } split { shares { train: 0.34 valid: 0.33 } } }\n"
      "model {\n"
      "  tokenizer { vocab_size: 96 }\n"
      "  encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 24 } }\n"
      "}\n"
      "episodes { ways: 2 shots: 1 shots: 2 queries: 2 }\n"
      "learner { inner { steps: 1 } maml { order: FIRST } }\n"
      "train { meta_steps: 2 meta_batch: 1 validate_every: 1 valid_episodes: 2 }\n"
      "test { episodes: 5 }\n"
      "threads: 1\n";

  std::string folder_;
};

TEST_F(FrozenEpisodesTest, AManifestOfTheSpecChangesNothingAndOneOfAnotherSeedIsMet) {
  const Outcome saved = Command({"episodes", "$tiny.textproto", "--save", "$m.tsv"});
  ASSERT_EQ(saved.status, 0) << saved.err;
  EXPECT_EQ(saved.out, absl::StrCat("$m.tsv: 5 episodes of data.tsv's test classes for each of 1, 2 shots, 2-way, 2 "
                                    "queries per class; SHA-256 ",
                                    Sha256(Read("m.tsv")), "\n"));
  const RunRecord without = RecordOf("without", {});
  const RunRecord with = RecordOf("with", {"test.manifest=$m.tsv"});
  EXPECT_FALSE(without.has_manifest_sha256());
  EXPECT_EQ(with.manifest_sha256(), Sha256(Read("m.tsv")));
  ASSERT_EQ(with.results_size(), 2);
  for (int k = 0; k < 2; ++k) {
    EXPECT_EQ(SpecText(with.results(k)), SpecText(without.results(k)));
  }
  // A file with more episodes than the test needs, from another seed: the test takes the first ones, which differ from
  // those that its own seed draws.
  ASSERT_EQ(Command({"episodes", "$tiny.textproto", "--save", "$other.tsv", "--count", "7", "--set", "seed=4"}).status,
            0);
  const RunRecord other = RecordOf("other", {"test.manifest=$other.tsv"});
  const RunRecord seed4 = RecordOf("seed4", {"seed=4"});
  EXPECT_NE(other.results(0).tests(0).predictions_sha256(), without.results(0).tests(0).predictions_sha256());
  EXPECT_EQ(other.results(0).tests(0).accuracies_size(), 5);
  EXPECT_EQ(SpecText(other.results(0).curve(2)), SpecText(without.results(0).curve(2))) << "training is seed 3's";
  EXPECT_NE(SpecText(seed4.results(0).curve(2)), SpecText(without.results(0).curve(2)));
}

TEST_F(FrozenEpisodesTest, TrainingEpisodesOfAnotherShapeLeaveTheTestAsItIs) {
  const std::vector<std::string> shape = {"episodes.train_ways=3", "episodes.train_queries=1"};
  std::vector<std::string> print = {"episodes", "$tiny.textproto", "--split", "train", "--shots", "2"};
  for (const std::string& set : shape) {
    print.insert(print.end(), {"--set", set});
  }
  const Outcome episode = Command(print);
  EXPECT_THAT(episode.out, StartsWith("episode 0 of train, seed 3: 3-way 2-shot, 1 queries per class\n"));
  EXPECT_EQ(std::count(episode.out.begin(), episode.out.end(), '\n'), 2 + 3 * (2 + 1)) << episode.out;
  print.insert(print.end(), {"--save", "$train.tsv"});
  EXPECT_THAT(Command(print).out, HasSubstr("train classes for each of 2 shots, 3-way, 1 queries per class"));
  print[3] = "valid";
  EXPECT_THAT(Command(print).out, HasSubstr("valid classes for each of 2 shots, 2-way, 2 queries per class"));

  const RunRecord plain = RecordOf("plain", {});
  const RunRecord shaped = RecordOf("shaped", shape);
  for (int k = 0; k < 2; ++k) {
    EXPECT_EQ(SpecText(shaped.results(k).tests(0)), SpecText(plain.results(k).tests(0))) << "nothing learned yet";
    EXPECT_NE(SpecText(shaped.results(k).curve(2)), SpecText(plain.results(k).curve(2)));
  }
  EXPECT_EQ(Command({"run", "$tiny.textproto", "--out", "$run", "--set", "episodes.train_ways=4"}).err,
            "error: episodes.train_ways is 4, but there are fewer classes in the split 'train': 3\n");
}

TEST_F(FrozenEpisodesTest, MistakesAreErrorsBeforeAnythingIsTrained) {
  ASSERT_EQ(Command({"episodes", "$tiny.textproto", "--save", "$m.tsv"}).status, 0);
  const auto error = [&](const std::vector<std::string>& sets) {
    std::vector<std::string> run = {"run", "$tiny.textproto", "--out", "$run", "--set", "test.manifest=$m.tsv"};
    for (const std::string& set : sets) {
      run.insert(run.end(), {"--set", set});
    }
    const Outcome outcome = Command(run);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_FALSE(std::filesystem::exists(folder_ + "run.partial"));
    return outcome.err;
  };
  EXPECT_EQ(error({"test.manifest=$none.tsv"}), "error: $none.tsv: No such file or directory\n");
  EXPECT_EQ(error({"episodes.ways=3"}), "error: $m.tsv:6: ways is 2; the spec's episodes.ways is 3\n");
  EXPECT_EQ(error({"test.episodes=6"}), "error: $m.tsv: it has 5 1-shot episodes; 6 are needed\n");
  EXPECT_THAT(error({"dataset.split.shares.seed=1"}), StartsWith("error: $m.tsv:8: the class 'class-"));
  Write("data.tsv", absl::StrReplaceAll(Read("data.tsv"), {{"beside", "under"}}));
  EXPECT_THAT(error({}), testing::AllOf(StartsWith("error: $m.tsv:8: text "), HasSubstr(" has the hash "),
                                        HasSubstr("; the episodes were saved from other data\n")));
  EXPECT_EQ(Command({"episodes", "$tiny.textproto", "--save", "$m.tsv", "--split", "train", "--set",
                     "episodes.borrowed_answers=0.5"})
                .err,
            "error: episodes.word_tasks and episodes.borrowed_answers make training tasks that no file of episodes can "
            "hold; save with --set episodes.word_tasks=0 --set episodes.borrowed_answers=0\n");
  EXPECT_EQ(Command({"episodes", "$tiny.textproto", "--count", "3"}).status, 2) << "what is not saved has no count";
}

TEST_F(FrozenEpisodesTest, AStoppedRunGoesOnWithTheSameManifestOnly) {
  ASSERT_EQ(Command({"episodes", "$tiny.textproto", "--save", "$m.tsv"}).status, 0);
  const std::vector<std::string> run = {"run", "$tiny.textproto", "--out", "$run", "--set", "test.manifest=$m.tsv"};
  ASSERT_EQ(Command(run, /*stop=*/true).status, 130);
  const std::string before = Read("m.tsv");
  Write("m.tsv", before + "# something else\n");
  EXPECT_THAT(Command(run).err,
              HasSubstr("error: $run.partial: the file of test episodes has changed since this run began; name another "
                        "folder with --out\n"));
  Write("m.tsv", before);
  EXPECT_EQ(Command(run).status, 0);
}

}  // namespace
}  // namespace metaprompt

// Pairs of texts, from a user's file to records and labelled answers, and the commands that do not take pairs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "metaprompt/base/hash.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kBert[] = "tests/goldens/encoders/bert";
constexpr char kBertNoHead[] = "tests/goldens/encoders/bert-no-head";
constexpr char kFew[] =
    "premise,hypothesis,label\n"
    "the cat sat,a cat,yes\n"
    "a small dog,the dog,yes\n"
    "the cat sat,one world,no\n"
    "\"the dog, on\",two cats,no\n";
constexpr char kTexts[] = "premise,hypothesis\nthe cat goes,a cat\n,a dog\n\"the dog, not\",one world\n";

class PairsTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    Write("pairs.csv", Pairs(9, 7));
    Write("few.csv", kFew);
    Write("pairs.textproto",
          absl::StrReplaceAll(kTiny,
                              {{"tsv { path: '$data.tsv' }",
                                "csv { path: '$pairs.csv' text_column: 'premise' text_b_column: 'hypothesis' }"},
                               {"model {\n", "model {\n  prompt { template: '{text} ? <soft> {mask} , {text_b}' }\n"},
                               {"max_positions: 24", "max_positions: 20 init_std: 1"}}));
  }

  static std::string Pairs(int classes, int texts) {
    std::string data = "label,hypothesis,premise\n";
    for (int c = 0; c < classes; ++c) {
      for (int i = 0; i < texts; ++i) {
        absl::StrAppend(&data, "class ", c, ",", i % 2 == 0 ? "slow" : "quick", " number ", i * 31, ",the word ", c * 7,
                        " stands beside a cat\n");
      }
    }
    return data;
  }

  std::string RunOf(const std::string& name, const std::vector<std::string>& sets) const {
    std::vector<std::string> run = {"run", "$pairs.textproto", "--out", "$" + name};
    for (const std::string& set : sets) {
      run.insert(run.end(), {"--set", set});
    }
    const Outcome outcome = Command(run);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return "$" + name;
  }

  Outcome Classify(const std::vector<std::string>& start, const std::vector<std::string>& options,
                   const std::string& input) const {
    std::vector<std::string> all = {"classify", "--threads", "1"};
    all.insert(all.end(), start.begin(), start.end());
    all.insert(all.end(), options.begin(), options.end());
    return Command(all, false, false, input);
  }
};

TEST_F(PairsTest, ARunOfPairsIsRepeatedFromItsFilesOfEpisodes) {
  RunOf("first", {});
  RunOf("second", {});
  EXPECT_EQ(Read("first/record.textproto"), Read("second/record.textproto"));
  const std::string exported = Command({"datasets", "export", "$pairs.textproto"}).out;
  EXPECT_THAT(exported, HasSubstr("\tclass 0\tclass 0\tthe word 0 stands beside a cat\tquick number 31\n"));
  EXPECT_THAT(Read("first/record.textproto"), HasSubstr(absl::StrCat("content_sha256: \"", Sha256(exported), "\"")));
  const std::string shown = Command({"episodes", "$pairs.textproto"}).out;
  EXPECT_THAT(shown, AllOf(HasSubstr("\npart\tway\tlabel\tnumber\ttext\ttext_b\nsupport\t0\tclass "),
                           ::testing::ContainsRegex(" stands beside a cat\t(slow|quick) number ")));
  ASSERT_EQ(Command({"episodes", "$pairs.textproto", "--save", "$episodes.tsv"}).status, 0);
  RunOf("frozen", {"test.manifest=$episodes.tsv"});
  const auto tests = [&](const std::string& run) {
    const std::string record = Read(run + "/record.textproto");
    return record.substr(record.find("tests {"), record.rfind('}') - record.find("tests {"));
  };
  EXPECT_THAT(tests("frozen"), StartsWith(tests("first").substr(0, tests("first").rfind("classes {"))));
  // Word tasks use the pieces of both texts; a template may leave out a text.
  Write("pairs.csv", Pairs(9, 16));
  RunOf("words", {"episodes.word_tasks=0.5"});
  RunOf("alone", {"model.prompt.template={text_b} {mask}", "learner.maml.order=FIRST"});
}

TEST_F(PairsTest, ARunLabelsPairsInEachLayout) {
  const std::string run = RunOf("run", {});
  const std::vector<std::string> start = {"--run", run, "--support", "$few.csv"};
  const Outcome csv = Classify(start, {"--all", "--save", "$mine"}, kTexts);
  ASSERT_EQ(csv.status, 0) << csv.err;
  EXPECT_THAT(csv.err, AllOf(HasSubstr("$few.csv: CSV, label column 'label', text column 'premise', text_b column "
                                       "'hypothesis'\n"),
                             HasSubstr("classify: 3 texts, 1 of them blank")));
  EXPECT_THAT(csv.out, StartsWith("label\tprobability\tyes\tno\ttext\ttext_b\n"));
  EXPECT_THAT(csv.out, AllOf(HasSubstr("\tthe cat goes\ta cat\n"), HasSubstr("\n\t\t\t\t\ta dog\n"),
                             HasSubstr("\tthe dog, not\tone world\n")));
  EXPECT_EQ(Classify(start, {"--all"}, "the cat goes\ta cat\n\ta dog\nthe dog, not\tone world\n").out, csv.out);
  EXPECT_EQ(Classify(start, {"--all"},
                     "{\"text\": \"the cat goes\", \"text_b\": \"a cat\"}\n{\"text\": \"\", \"text_b\": \"a dog\"}\n"
                     "{\"text\": \"the dog, not\", \"text_b\": \"one world\"}\n")
                .out,
            csv.out);
  EXPECT_EQ(Classify({"--model", "$mine"}, {"--all"}, kTexts).out, csv.out) << "what is saved takes pairs";
  const nlohmann::json json = nlohmann::json::parse(Classify(start, {"--json"}, "the\t a  cat\n").out);
  EXPECT_EQ(json["text"], "the");
  EXPECT_EQ(json["text_b"], " a  cat");
  const auto probability = [&](const std::string& text) {
    return nlohmann::json::parse(Classify(start, {"--json", "--all"}, text).out)["probabilities"]["yes"].get<double>();
  };
  EXPECT_NE(probability("the cat\tone world\n"), probability("the cat\ta dog\n"));
  EXPECT_NE(probability("the cat\tone world\n"), probability("one world\tthe cat\n"));
  Write("both.csv", "premise,hypothesis,label\nthe cat goes,a cat,yes\nthe cat goes,a cat,no\n");
  const Outcome labelled = Classify(start, {"--labelled", "$both.csv"}, "");
  EXPECT_THAT(labelled.out, AllOf(HasSubstr("(1 of 2 texts; 95 % interval "), HasSubstr("  the cat goes | a cat\n")))
      << "one pair under both labels, of which one is wrong" << labelled.err;
  // A template with only one of the texts needs only that text.
  const std::string alone = RunOf("alone", {"model.prompt.template={text_b} <soft> {mask}"});
  Write("half.csv", "hypothesis,label\na cat,yes\none world,no\n");
  const Outcome half = Classify({"--run", alone, "--support", "$half.csv"}, {}, "hypothesis\ntwo cats\n");
  EXPECT_THAT(half.out, ::testing::EndsWith("\ttwo cats\n")) << half.err;
}

TEST_F(PairsTest, ACheckpointLabelsPairsWithoutARun) {
  for (const std::string encoder : {kBert, kBertNoHead}) {
    const Outcome outcome = Classify({"--encoder", encoder, "--support", "$few.csv"}, {"--all"}, kTexts);
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("adapted to 2 classes (yes, no)"));
    const std::vector<std::string> rows = absl::StrSplit(outcome.out, '\n');
    ASSERT_EQ(rows.size(), 5);
    EXPECT_THAT(rows[3], ::testing::EndsWith("\tthe dog, not\tone world"));
    Write("few.tsv", "who\tkind\twhat\nthe cat\tyes\ta cat\nthe dog\tno\tone\n");
    EXPECT_EQ(Classify({"--encoder", encoder, "--support", "$few.tsv"},
                       {"--label-column", "kind", "--text-column", "who", "--text-b-column", "what"}, kTexts)
                  .status,
              0);
  }
}

TEST_F(PairsTest, InitWritesASpecOfPairsThatRuns) {
  for (const std::string encoder : {"", kBert, kBertNoHead}) {
    for (const std::string kind : {"prototypes", "linear_probe"}) {
      if (encoder.empty() && kind == "linear_probe") {
        continue;  // this kind needs a checkpoint
      }
      std::vector<std::string> init = {"init", "--data", "$pairs.csv", "--template", kind};
      if (!encoder.empty()) {
        init.insert(init.end(), {"--encoder", encoder});
      }
      const Outcome spec = Command(init);
      ASSERT_EQ(spec.status, 0) << spec.err;
      EXPECT_THAT(spec.out,
                  AllOf(HasSubstr("pairs.csv: CSV, label column 'label', text column 'premise', text_b column "
                                  "'hypothesis'; 63 different texts in 9 classes:\n"),
                        HasSubstr(" text_column: \"premise\" text_b_column: \"hypothesis\" label_column: "
                                  "\"label\" delimiter: COMMA }\n"),
                        HasSubstr("{text_b}")));
      WriteBytes("spec.textproto", spec.out);
      std::vector<std::string> run = {"run",   "$spec.textproto",
                                      "--out", absl::StrCat("$", kind, encoder.size()),
                                      "--set", "train.valid_episodes=2",
                                      "--set", "test.episodes=2",
                                      "--set", "threads=1"};
      if (kind != "linear_probe") {
        run.insert(run.end(), {"--set", "train.meta_steps=1"});
      }
      const Outcome done = Command(run);
      EXPECT_EQ(done.status, 0) << kind << " " << encoder << ": " << done.err << spec.out;
    }
  }
}

TEST_F(PairsTest, ErrorsOfPairs) {
  const auto error = [&](const std::string& set) { return Error({"check", "$pairs.textproto", "--set", set}); };
  EXPECT_EQ(error("model.prompt.template={text} {mask} {text_c}"),
            "$pairs.textproto: model.prompt.template: '{text_c}' is not one of {text}, {text_b}, {mask}, <soft> and "
            "<soft:N>; did you mean {text_b}?");
  EXPECT_EQ(error("model.verbalizer.answer_texts=1"),
            "$pairs.textproto: model.verbalizer.answer_texts is 1; it must be 0, because model.prompt.template has 2 "
            "texts and the name of a class is one");
  EXPECT_EQ(error("dataset.csv.more_columns=text"),
            "$pairs.textproto: dataset.csv.more_columns has 'text'; another text of an example has this name");
  EXPECT_THAT(
      CheckError("model.prompt.template={text} {mask} {text_b}"),
      HasSubstr("'{text_b}' is not one of {text}, {mask}, <soft> and <soft:N>; dataset.csv and dataset.jsonl have "
                "fields that name the columns of further texts, such as text_b_column"));
  EXPECT_EQ(Error({"run", "$pairs.textproto", "--out", "$no", "--set", "dataset.csv.text_b_column=text_c"}),
            "$pairs.csv:1: no column 'text_c'; there are label, hypothesis, premise");
  RunOf("run", {});
  ASSERT_EQ(Command({"run", "$tiny.textproto", "--out", "$single"}).status, 0);
  Write("single.csv", "text,label\nthe cat,yes\na dog,yes\none world,no\n");
  EXPECT_EQ(Error({"classify", "--run", "$run", "--support", "$single.csv"}),
            "$single.csv: cannot find a column of labels and one of each text (text, text_b); give their names or "
            "numbers with --label-column, --text-column and --text-b-column; its first line has text, label");
  EXPECT_EQ(
      Error({"classify", "--run", "$single", "--support", "$few.csv"}),
      "$few.csv: the columns 'premise' and 'hypothesis' look like pairs of texts, and one text is wanted; name its "
      "column with --text-column");
  EXPECT_THAT(Classify({"--run", "$run", "--support", "$few.csv"}, {}, "a single text\n").err,
              HasSubstr("error: the standard input: each example has 2 texts (text, text_b): give CSV, TSV or JSON "
                        "lines with a column for each"));
  Write("few.csv", "premise,hypothesis,label\nthe cat,,yes\na dog,the dog,no\n");
  EXPECT_EQ(Error({"classify", "--run", "$run", "--support", "$few.csv"}),
            "$few.csv:2: empty text; write one, or remove the record");
}

}  // namespace
}  // namespace metaprompt

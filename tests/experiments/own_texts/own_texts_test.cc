// A user's file of texts, labelled with a checkpoint and without any run: input, output, saved classifiers, and
// measures of quality.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <streambuf>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "experiments/cli/command_line.h"
#include "experiments/own_texts/calibration.h"
#include "experiments/own_texts/labelled.h"
#include "experiments/own_texts/support_classes.h"
#include "metaprompt/base/statistics.h"
#include "tests/helpers/checkpoint_run_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kFew[] =
    "Message,Kind\n"
    "the cat is small,cat\n"
    "\"a cat, and a cat\",cat\n"
    "dog on the dog,dog\n"
    "not the small dog,dog\n"
    "one world and two,world\n"
    "the world goes on,world\n";

constexpr char kMore[] =
    "label\ttext\n"
    "cat\tis it the cat\n"
    "dog\tthe dog goes\n"
    "world\ta small world\n"
    "cat\twhat is a cat\n"
    "dog\ttwo and one dog\n"
    "world\tthe world and on\n";

class OwnTextsTest : public CheckpointRunTest {
 protected:
  void SetUp() override {
    CheckpointRunTest::SetUp();
    Write("few.csv", kFew);
    Write("more.tsv", kMore);
  }

  Outcome Classify(const std::string& encoder, const std::vector<std::string>& options,
                   const std::string& input) const {
    std::vector<std::string> all = {"classify",       "--encoder", kGoldens + encoder, "--support", folder_ + "few.csv",
                                    "--label-column", "Kind",      "--threads",        "1"};
    all.insert(all.end(), options.begin(), options.end());
    return Command(all, false, input);
  }
};

std::vector<std::vector<std::string>> Rows(const std::string& text) {
  std::vector<std::vector<std::string>> rows;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    rows.push_back(absl::StrSplit(line, '\t'));
  }
  return rows;
}

double Number(const std::string& text) {
  double number = -1;
  EXPECT_TRUE(absl::SimpleAtod(text, &number)) << text;
  return number;
}

TEST_F(OwnTextsTest, ACheckpointLabelsWithoutARun) {
  for (const std::string encoder : {"bert", "bert-no-head", "roberta"}) {
    const Outcome outcome = Classify(encoder, {}, "the cat\n\n  dog \t dog\n");
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.err,
                AllOf(HasSubstr("$few.csv: CSV, label column 'Kind', text column 'Message'\n"),
                      HasSubstr(absl::StrCat("classify: the checkpoint ", kGoldens, encoder,
                                             ", adapted to 3 classes (cat, dog, world); ")),
                      HasSubstr(" of the 6 examples labelled correctly ("), HasSubstr("\ncalibration: temperature "),
                      HasSubstr(" of 6 were labelled correctly"), HasSubstr("\nclassify: 3 texts, 1 of them blank (")));
    const auto rows = Rows(outcome.out);
    ASSERT_EQ(rows.size(), 3);
    EXPECT_THAT(rows[1], ElementsAre("", "", "")) << "a blank line is an answer, not an end";
    EXPECT_EQ(rows[2][2], "dog dog");
    EXPECT_EQ(Classify(encoder, {}, "the cat\n\n  dog \t dog\n").out, outcome.out);
  }
}

TEST_F(OwnTextsTest, TextsInEachLayoutGetTheSameAnswers) {
  const std::string plain = Classify("bert", {"--all"}, "the cat\n\ndog, or world\n").out;
  EXPECT_THAT(plain, StartsWith("label\tprobability\tcat\tdog\tworld\ttext\n"));
  EXPECT_EQ(Classify("bert", {"--all"}, "nr;text\n1;the cat\n2;\n3;\"dog, or world\"\n").out, plain);
  EXPECT_EQ(
      Classify("bert", {"--all"}, "{\"text\": \"the cat\"}\n{\"text\": \" \"}\n{\"text\": \"dog, or world\"}\n").out,
      plain);
  const auto lines = absl::StrSplit(Classify("bert", {"--json", "--all"}, "the cat\n\n").out, '\n');
  const std::vector<std::string> json(lines.begin(), lines.end());
  ASSERT_EQ(json.size(), 3);
  EXPECT_EQ(nlohmann::json::parse(json[0])["probabilities"].size(), 3);
  EXPECT_TRUE(nlohmann::json::parse(json[1])["label"].is_null());
}

TEST_F(OwnTextsTest, WhatIsSavedAnswersTheSame) {
  const std::string texts = "the cat\ndog on two\n\nit goes on\n";
  for (const std::string name : {"bert", "bert-no-head"}) {
    const std::string encoder = CopyOf(name);
    const std::vector<std::string> first = {
        "classify",  "--encoder", encoder, "--support", folder_ + "few.csv",     "--label-column", "Kind",
        "--threads", "1",         "--all", "--save",    folder_ + "mine-" + name};
    const Outcome saved = Command(first, false, texts);
    ASSERT_EQ(saved.status, 0) << saved.err;
    EXPECT_THAT(saved.err, HasSubstr(absl::StrCat("\nsaved: metaprompt classify --model $mine-", name, "\n")));
    EXPECT_EQ(Command(first, false, texts).err,
              absl::StrCat("error: $mine-", name, ": the folder is not empty; name another, or empty it\n"))
        << "before it adapts";
    std::filesystem::remove_all(encoder);
    std::filesystem::remove(folder_ + "few.csv");
    const std::vector<std::string> again = {"classify", "--model", folder_ + "mine-" + name, "--threads", "1", "--all"};
    const Outcome used = Command(again, false, texts);
    EXPECT_EQ(used.out, saved.out) << used.err;
    EXPECT_THAT(used.err,
                AllOf(HasSubstr(", saved with 3 classes (cat, dog, world); its probabilities are calibrated ("),
                      Not(HasSubstr("adapted to"))));
    Write("few.csv", kFew);
    const Outcome half =
        Classify(name, {"--all", "--precision", "BFLOAT16", "--save", folder_ + "half-" + name}, texts);
    EXPECT_EQ(Command({"classify", "--model", folder_ + "half-" + name, "--threads", "1", "--all"}, false, texts).out,
              half.out)
        << "the precision is kept";
    std::vector<std::string> raw = again;
    raw.emplace_back("--uncalibrated");
    EXPECT_NE(Command(raw, false, texts).out, saved.out);
  }
  Write("mine-bert/encoder/added_tokens.json", "{\"the\": 77}");
  EXPECT_THAT(Command({"classify", "--model", folder_ + "mine-bert"}).err,
              HasSubstr("error: $mine-bert/encoder/added_tokens.json: not one of the files that were written"));
  std::filesystem::remove(folder_ + "mine-bert/encoder/added_tokens.json");
  std::filesystem::resize_file(folder_ + "mine-bert/adapted.safetensors", 100);
  EXPECT_THAT(Command({"classify", "--model", folder_ + "mine-bert"}).err,
              HasSubstr("error: $mine-bert/adapted.safetensors"));
  std::filesystem::remove(folder_ + "mine-bert/SHA256SUMS");
  Write("mine-bert/classifier.textproto", "version: 2");
  EXPECT_EQ(Command({"classify", "--model", folder_ + "mine-bert"}).err,
            "error: $mine-bert/classifier.textproto: version is 2; this program reads version 1\n");
}

TEST_F(OwnTextsTest, NothingIsInTheFolderToSaveInUntilTheEnd) {
  std::filesystem::create_directory(folder_ + "empty");
  std::filesystem::remove(folder_ + "few.csv");
  ASSERT_EQ(mkfifo((folder_ + "few.csv").c_str(), 0600), 0);
  Outcome saved;
  std::thread command([&] { saved = Classify("bert", {"--save", folder_ + "empty"}, "the cat\n"); });
  std::ofstream examples(folder_ + "few.csv");  // opening this pipe waits until the command has begun to read
  EXPECT_TRUE(std::filesystem::is_empty(folder_ + "empty"));
  examples << kFew;
  examples.close();
  command.join();
  EXPECT_EQ(saved.status, 0) << saved.err;
  EXPECT_TRUE(std::filesystem::exists(folder_ + "empty/classifier.textproto"));
}

TEST_F(OwnTextsTest, ProbabilitiesAreCalibratedOnExamplesLeftOut) {
  const auto with = Rows(Classify("bert", {"--all"}, "the cat\nit goes\n").out);
  const Outcome raw = Classify("bert", {"--all", "--uncalibrated"}, "the cat\nit goes\n");
  const auto without = Rows(raw.out);
  EXPECT_THAT(raw.err, Not(HasSubstr("calibration")));
  const std::string err = Classify("bert", {}, "").err;
  const size_t at = err.find("temperature ") + 12;
  const double temperature = Number(err.substr(at, err.find(';', at) - at));
  EXPECT_NE(temperature, 1);
  for (size_t r = 1; r < 3; ++r) {
    double sum = 0;
    for (size_t c = 2; c < 5; ++c) {
      sum += std::pow(Number(without[r][c]), 1 / temperature);
    }
    for (size_t c = 2; c < 5; ++c) {
      EXPECT_NEAR(Number(with[r][c]), std::pow(Number(without[r][c]), 1 / temperature) / sum, 0.01);
    }
  }
  Write("few.csv", "Message,Kind\na cat,cat\na cat,cat\nthe dog,dog\nthe dog,dog\na cat,dog\n");
  EXPECT_THAT(Classify("bert", {}, "").err,
              AllOf(HasSubstr("$few.csv: warning: 1 text is an example of two classes: 'a cat' of 'cat' and 'dog'\n"),
                    HasSubstr(" of 3 were labelled correctly")))
      << "the two copies are left out together, and the only other text of 'cat' is none";
  Write("few.csv", "Message,Kind\na cat,cat\na cat,cat\nthe dog,dog\n");
  EXPECT_THAT(
      Classify("bert", {}, "").err,
      HasSubstr("\ncalibration: none, since no class has two different examples; probabilities are the model's own ("));
}

// Otherwise the answer would be known: as a wrong one.
TEST_F(OwnTextsTest, ALeftOutTextIsNotKeptUnderAnotherLabel) {
  const std::vector<SupportClass> classes = {{"cat", "cat", {"a cat", "one cat"}},
                                             {"dog", "dog", {"the dog", "my dog", "a cat"}}};
  const auto kept = [&](size_t round, size_t of) { return RoundOf(classes, round).kept[of].texts; };
  EXPECT_THAT(RoundOf(classes, 0).left_out, ElementsAre("a cat", "the dog"));
  EXPECT_THAT(kept(0, 0), ElementsAre("one cat"));
  EXPECT_THAT(kept(0, 1), ElementsAre("my dog"));
  EXPECT_THAT(kept(1, 0), ElementsAre("a cat"));
  EXPECT_THAT(kept(1, 1), ElementsAre("the dog", "a cat"));
  EXPECT_THAT(RoundOf(classes, 2).left_out, ElementsAre("a cat"));
  EXPECT_THAT(kept(2, 0), ElementsAre("one cat"));
  EXPECT_THAT(kept(2, 1), ElementsAre("the dog", "my dog"));
  EXPECT_THAT(RoundOf({classes[0], {"dog", "dog", {"a cat"}}}, 0).kept[1].texts, ElementsAre("a cat"));
}

TEST_F(OwnTextsTest, TheFormatOfTheTextsIsPrinted) {
  EXPECT_THAT(Classify("bert", {}, "the cat\n").err, HasSubstr("\nthe standard input: one text per line\n"));
  EXPECT_THAT(Classify("bert", {"-"}, "tweet,id\nthe cat,1\n").err,
              HasSubstr("\nthe standard input: one text per line; if these are columns, give that of the texts a "
                        "name that is found: text, sentence, "));
}

// Counts the lines of `out` whenever the reader asks for the next line.
class OneLineAtATime : public std::streambuf {
 public:
  OneLineAtATime(std::vector<std::string> lines, const std::ostringstream* out) : lines_(std::move(lines)), out_(out) {}
  const std::vector<int64_t>& answered() const { return answered_; }

 private:
  int_type underflow() override {
    const std::string so_far = out_->str();
    answered_.push_back(std::count(so_far.begin(), so_far.end(), '\n'));
    if (next_ == lines_.size()) {
      return traits_type::eof();
    }
    std::string& line = lines_[next_++];
    setg(line.data(), line.data(), line.data() + line.size());
    return traits_type::to_int_type(*gptr());
  }

  std::vector<std::string> lines_;
  const std::ostringstream* out_;
  size_t next_ = 0;
  std::vector<int64_t> answered_;
};

TEST_F(OwnTextsTest, AnswersAppearLineByLine) {
  std::ostringstream out;
  std::ostringstream err;
  OneLineAtATime lines({"the cat\n", "\n", "dog\n"}, &out);
  std::istream in(&lines);
  const std::atomic<bool> stop(false);
  EXPECT_EQ(RunCommand({"classify", "--encoder", std::string(kGoldens) + "bert", "--support", folder_ + "few.csv",
                        "--label-column", "Kind", "--threads", "1", "--quiet"},
                       {&out, &err, false, &stop, &in}),
            0);
  EXPECT_EQ(err.str(), "") << "--quiet";
  EXPECT_THAT(lines.answered(), ElementsAre(0, 1, 2, 3)) << "no answer waits for the next text";
}

TEST_F(OwnTextsTest, LabelledTextsTellHowGoodItIs) {
  const Outcome answers = Classify("bert", {},
                                   "is it the cat\nthe dog goes\na small world\nwhat is a cat\ntwo and one dog\n"
                                   "the world and on\n");
  const std::vector<std::string> labels = {"cat", "dog", "world", "cat", "dog", "world"};
  const auto rows = Rows(answers.out);
  ASSERT_EQ(rows.size(), 6);
  int right = 0;
  for (size_t i = 0; i < 6; ++i) {
    right += rows[i][0] == labels[i] ? 1 : 0;
  }
  // Columns are found separately in each file: here by their names.
  Write("few.csv", std::string("text,label") + (kFew + std::string(kFew).find('\n')));
  std::vector<std::string> all = {"classify",  "--encoder",         std::string(kGoldens) + "bert",
                                  "--support", folder_ + "few.csv", "--threads",
                                  "1",         "--labelled",        folder_ + "more.tsv"};
  const Outcome text = Command(all);
  ASSERT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.err, Not(HasSubstr("among the examples")));
  EXPECT_THAT(text.out, AllOf(StartsWith("accuracy          "),
                              HasSubstr(absl::StrCat(" % (", right, " of 6 texts; 95 % interval ")),
                              HasSubstr("\nmacro F1          "), HasSubstr("\n  class  "),
                              HasSubstr("\nconfusion matrix: a row per label, a column per answer\n")));
  all.emplace_back("--json");
  const nlohmann::json json = nlohmann::json::parse(Command(all).out);
  EXPECT_EQ(json["right"], right);
  EXPECT_EQ(json["texts"], 6);
  ASSERT_EQ(json["classes"].size(), 3);
  EXPECT_EQ(json["classes"][0]["texts"], 2);
  ASSERT_EQ(json["mistakes"].size(), 6 - right);
  for (size_t i = 1; i < json["mistakes"].size(); ++i) {
    EXPECT_GE(json["mistakes"][i - 1]["probability"], json["mistakes"][i]["probability"]);
  }
  Write("more.tsv", "label\ttext\ncat\tthe cat  is small\ncat\tthe cat is\ndog\tnot the small dog\n");
  EXPECT_THAT(Command(all).err,
              HasSubstr("$more.tsv: warning: 2 of the 3 texts are among the examples; the accuracy on other texts is "
                        "probably lower\n"));
  Write("more.tsv", "label\ttext\ncat\tthe cat\nbird\tit\n");
  EXPECT_THAT(Command(all).err,
              HasSubstr("error: $more.tsv:3: the label 'bird' is not that of an example; known: cat, dog, world\n"));
  Write("more.tsv", "label\ttext\n");
  EXPECT_THAT(Command(all).err, HasSubstr("error: $more.tsv: no text in this file\n"));
  Write("more.tsv", "label\ttext\ncat\t \n");
  EXPECT_THAT(Command(all).err, HasSubstr("error: $more.tsv:2: empty text; write one, or remove the record\n"));
}

TEST(LabelledResultTest, KnowsTheAnswersOfASmallWorld) {
  const ShareInterval some = WilsonInterval(50, 60);
  EXPECT_NEAR(some.low, 0.7196, 1e-4);
  EXPECT_NEAR(some.high, 0.9069, 1e-4);
  EXPECT_NEAR(WilsonInterval(10, 10).high, 1, 1e-9);
  EXPECT_NEAR(WilsonInterval(10, 10).low, 0.7225, 1e-4);
  LabelledResult result({"a", "b", "c"});
  for (int i = 0; i < 3; ++i) {
    result.Add(0, 0, 0.9, "right");
  }
  result.Add(0, 1, 0.6, "first");
  result.Add(1, 1, 0.8, "right");
  result.Add(1, 0, 0.7, "second");
  for (int i = 0; i < 12; ++i) {
    result.Add(1, 0, 0.1 + 0.01 * i, "unsure");
  }
  EXPECT_THAT(result.Text(), HasSubstr("accuracy          22.2 % (4 of 18 texts; 95 % interval "));
  const ClassScore a = ScoreOf(result.confusion(), 0);
  EXPECT_NEAR(a.recall.value(), 0.75, 1e-12);
  EXPECT_NEAR(a.precision.value(), 3.0 / 16, 1e-12);
  EXPECT_NEAR(a.f1.value(), 0.3, 1e-12);
  const double f1_of_b = 2 * 0.5 * (1.0 / 14) / (0.5 + 1.0 / 14);
  EXPECT_NEAR(MacroF1(result.confusion()), (0.3 + f1_of_b) / 2, 1e-12) << "nothing is known of c";
  const auto classes = nlohmann::json::parse(result.Json())["classes"];
  for (const char* share : {"precision", "recall", "f1"}) {
    EXPECT_TRUE(classes[2][share].is_null()) << "nothing is known of c: " << share;
  }
  // A class that is never the answer has no precision; one without texts has no recall. Their F1 is 0.
  LabelledResult wrong({"a", "b"});
  wrong.Add(0, 1, 0.5, "wrong");
  const auto of_wrong = nlohmann::json::parse(wrong.Json())["classes"];
  EXPECT_EQ(of_wrong[0]["precision"], nlohmann::json());
  EXPECT_EQ(of_wrong[0]["recall"], 0);
  EXPECT_EQ(of_wrong[1]["precision"], 0);
  EXPECT_EQ(of_wrong[1]["recall"], nlohmann::json());
  EXPECT_EQ(of_wrong[0]["f1"], 0);
  EXPECT_EQ(of_wrong[1]["f1"], 0);
  EXPECT_EQ(ClassTable(result.confusion()),
            "  class  texts  right  precision  recall    F1  most often taken for\n"
            "  a          4      3       18.8    75.0  30.0  b (1)\n"
            "  b         14      1       50.0     7.1  12.5  a (13)\n"
            "  c          0      0\n");
  EXPECT_EQ(ConfusionTable(result.confusion()),
            "confusion matrix: a row per label, a column per answer\n"
            "     label   1  2  3\n"
            "  1  a       3  1  .\n"
            "  2  b      13  1  .\n"
            "  3  c       .  .  .\n");
  const nlohmann::json json = nlohmann::json::parse(result.Json());
  EXPECT_TRUE(json["classes"][2]["recall"].is_null());
  EXPECT_TRUE(json["classes"][2]["precision"].is_null());
  EXPECT_TRUE(json["classes"][2]["f1"].is_null());
  ASSERT_EQ(json["mistakes"].size(), 10) << "the ten most confident ones";
  EXPECT_EQ(json["mistakes"][0]["text"], "second");
  EXPECT_EQ(json["mistakes"][1]["text"], "first");
  EXPECT_NEAR(json["mistakes"][9]["probability"].get<double>(), 0.14, 1e-12);
}

TEST(CalibrationTest, TheTemperatureFollowsTheScores) {
  const at::Tensor scores = at::tensor({2.0, 0.0, 1.0, 0.5, -1.0, 3.0, 0.0, 2.5}, at::kDouble).view({4, 2});
  const std::vector<int64_t> labels = {0, 0, 1, 0};  // the last one is a mistake
  const double temperature = BestTemperature(scores, labels);
  EXPECT_NEAR(BestTemperature(7 * scores, labels), 7 * temperature, 1e-6);
  EXPECT_GT(temperature, BestTemperature(scores, {0, 0, 1, 1})) << "who errs is less sure";
  const auto loss = [&](double t) {
    const at::Tensor logs = at::log_softmax(scores / t, -1);
    double sum = 0;
    for (int64_t i = 0; i < 4; ++i) {
      const int64_t label = labels[static_cast<size_t>(i)];
      sum -= 5.0 / 6 * logs[i][label].item<double>() + 1.0 / 6 * logs[i][1 - label].item<double>();
    }
    return sum;
  };
  EXPECT_LT(loss(temperature), loss(0.99 * temperature));
  EXPECT_LT(loss(temperature), loss(1.01 * temperature));
  // All answers are right: the probabilities become Platt's targets, not more.
  EXPECT_NEAR(BestTemperature(at::tensor({1.0, 0.0}, at::kDouble).view({1, 2}), {0}), 1 / std::log(2.0), 1e-6);
}

TEST_F(OwnTextsTest, WhatIsRefusedBeforeItAdapts) {
  EXPECT_EQ(Classify("bert", {"--save", ""}, "").err,
            "error: --save: the value is empty; see `metaprompt classify --help`\n");
  EXPECT_EQ(Classify("bert", {"--save", folder_ + "few.csv"}, "").err,
            "error: $few.csv: it is there, and not a folder; name another\n");
  const std::string encoder = CopyOf("bert");
  const std::vector<std::string> pieces = absl::StrSplit(Read("bert/vocab.txt"), '\n');
  Write("bert/vocab.txt", absl::StrJoin(pieces.begin(), pieces.begin() + 30, "\n"));
  EXPECT_THAT(
      Command({"classify", "--encoder", encoder, "--support", folder_ + "few.csv", "--label-column", "Kind"}).err,
      HasSubstr("error: $bert: the tokenizer has 30 pieces, but config.json's vocab_size is 78; the vocabulary is "
                "cut short or another checkpoint's\n"));
  EXPECT_THAT(Command({"tokenize", "--encoder", encoder}, /*stop=*/false, "a").err,
              HasSubstr("$bert: the tokenizer has 30 pieces, but"));
  Write("bert/vocab.txt", absl::StrJoin(pieces, "\n"));
  Write("bert/config.json", "version https://git-lfs.github.com/spec/v1\n");
  EXPECT_THAT(
      Command({"classify", "--encoder", encoder, "--support", folder_ + "few.csv", "--label-column", "Kind"}).err,
      HasSubstr("\n$bert/config.json: it is a pointer of git-lfs in place of the file; `git lfs pull` "));
  Write("few.csv", "text,label\nthe cat,a\xc2\x85\ndog,b\n");
  EXPECT_EQ(Command({"classify", "--encoder", std::string(kGoldens) + "bert", "--support", folder_ + "few.csv"}).err,
            "error: $few.csv: the label 'a\\u{85}' has a control character; remove it\n");
}

TEST_F(OwnTextsTest, OptionsThatDoNotFitTogether) {
  const auto error = [&](const std::vector<std::string>& options) {
    std::vector<std::string> all = {"classify"};
    all.insert(all.end(), options.begin(), options.end());
    const Outcome outcome = Command(all);
    EXPECT_EQ(outcome.status, 1);
    return outcome.err;
  };
  const std::string starts =
      "; give --encoder DIR (a checkpoint), --run DIR (a finished run) or --model DIR (saved with --save)\n";
  EXPECT_EQ(error({"--support", "x"}), "error: what to label with is missing" + starts);
  EXPECT_EQ(error({"--run", "x", "--encoder", "y"}), "error: --run, --encoder and --model exclude each other" + starts);
  EXPECT_EQ(error({"--encoder", "x"}), "error: --support FILE is missing: a few labelled examples of each class\n");
  EXPECT_EQ(error({"--model", "x", "--support", "y"}),
            "error: --support has no use with --model, which is adapted already; leave it out, or give --encoder or "
            "--run\n");
  EXPECT_EQ(error({"--encoder", "x", "--support", "y", "--shots", "1"}),
            "error: --shots chooses a result of a run; it needs --run\n");
  EXPECT_EQ(error({"--model", folder_ + "none"}),
            "error: $none: no classifier is here; `metaprompt classify --support FILE --save DIR` writes one\n");
}

}  // namespace
}  // namespace metaprompt

// A run's initialisation on a user's classes: the probabilities are those of meta-test, in any order of texts and with
// any other texts, without the run's data. Then the error for each mistake.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "episodes/text_source.h"
#include "experiments/cli/command_line.h"
#include "experiments/own_texts/classifier.h"
#include "experiments/own_texts/examples.h"
#include "experiments/workbench/finished_run.h"
#include "experiments/workbench/read_record.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

// In arguments, files and messages `$` stands for the tests' folder.
const std::string& Folder() {
  static const auto* const folder = [] {
    auto* name = new std::string(absl::StrCat(testing::TempDir(), "/classify_test/"));
    std::filesystem::remove_all(*name);
    std::filesystem::create_directories(*name);
    return name;
  }();
  return *folder;
}

std::string In(absl::string_view text) { return absl::StrReplaceAll(text, {{"$", Folder()}}); }

void Write(const std::string& name, absl::string_view text) {
  ASSERT_TRUE(WriteFileAtomically(Folder() + name, In(text)).ok());
}

Outcome Command(const std::vector<std::string>& arguments, const std::string& input = "") {
  std::vector<std::string> here;
  for (const std::string& argument : arguments) {
    here.push_back(In(argument));
  }
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const std::atomic<bool> stop(false);
  Outcome outcome;
  outcome.status = RunCommand(here, {&out, &err, false, &stop, &in});
  outcome.out = out.str();
  outcome.err = absl::StrReplaceAll(err.str(), {{Folder(), "$"}});
  return outcome;
}

constexpr char kSpec[] =
    "name: 'tiny'\n"
    "dataset { tsv { path: '$data.tsv' } split { shares { train: 0.34 valid: 0.33 } } }\n"
    "model {\n"
    "  tokenizer { vocab_size: 96 }\n"
    "  encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 24 init_std: 1 } }\n"
    "  prompt { template: '{text} is <soft:2> {mask}' }\n"
    "}\n"
    "episodes { ways: 2 shots: 1 shots: 4 queries: 2 }\n"
    "train { meta_steps: 2 meta_batch: 1 validate_every: 1 valid_episodes: 2 }\n"
    "test { episodes: 2 }\n"
    "threads: 1\n";

constexpr char kMaml[] = "maml {} inner { optimizer: ADAMW encoder_lr: 0.01 prompt_lr: 0.01 weight_decay: 0.1 }";

// A run whose data are removed after it.
std::string RunOf(const std::string& name, const std::string& learner, const std::vector<std::string>& sets = {}) {
  std::string data;
  for (int c = 0; c < 9; ++c) {
    for (int i = 0; i < 6; ++i) {
      absl::StrAppend(&data, "class-", c, "\tthe quick word ", c * 7, " stands beside number ", i * 31, " of zebra\n");
    }
  }
  Write("data.tsv", data);
  Write("tiny.textproto", absl::StrCat(kSpec, "learner { ", learner, " }\n"));
  std::vector<std::string> run = {"run", "$tiny.textproto", "--out", "$" + name};
  for (const std::string& set : sets) {
    run.insert(run.end(), {"--set", set});
  }
  const Outcome outcome = Command(run);
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  std::filesystem::remove(Folder() + "data.tsv");
  std::filesystem::remove(Folder() + "tiny.textproto");
  return "$" + name;
}

const std::string& TheRun() {
  static const auto* const run = new std::string(RunOf("run", kMaml));
  return *run;
}

constexpr char kFew[] =
    "warm_colour\tred and more red\n"
    "cold-colour\tblue is the word\n"
    "\n"
    "warm_colour\tthe orange stands\n"
    "sound\tnoise\tbeside a drum\n"
    "cold-colour\tgreen  of\fzebra\r\n"
    "sound\tnumber of trumpets\n";

Outcome Classify(std::vector<std::string> options, const std::string& input, const std::string& threads = "1") {
  Write("few.tsv", kFew);
  options.insert(options.begin(), {"classify", "--run", TheRun(), "--support", "$few.tsv", "--threads", threads});
  return Command(options, input);
}

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

TEST(ClassifyTest, LinesAreLabelledInEachFormat) {
  const Outcome plain = Classify({}, "red stands\nblue\t of  zebra\n\xc3\xa4 drum");
  ASSERT_EQ(plain.status, 0) << plain.err;
  EXPECT_THAT(plain.err,
              AllOf(HasSubstr("classify: the 1-shot initialisation of $run, adapted to 3 classes "
                              "(warm_colour, cold-colour, sound, called 'noise'); "),
                    HasSubstr(" of the 6 examples labelled correctly ("), HasSubstr("\nclassify: 3 texts (")))
      << "two examples a class are nearer to one shot than to four";
  const auto rows = Rows(plain.out);
  ASSERT_EQ(rows.size(), 3);
  const std::vector<std::string> texts = {"red stands", "blue of zebra", "\xc3\xa4 drum"};
  const auto all = Rows(Classify({"--all"}, absl::StrJoin(texts, "\n")).out);
  const std::vector<std::string> lines = absl::StrSplit(
      Classify({"--all", "--json"}, "red stands\nblue\t of  zebra\n\xc3\xa4 drum\r\n").out, '\n', absl::SkipEmpty());
  ASSERT_EQ(all.size(), 4);
  ASSERT_EQ(lines.size(), 3);
  EXPECT_THAT(all[0], ElementsAre("label", "probability", "warm_colour", "cold-colour", "sound", "text"));
  for (size_t i = 0; i < 3; ++i) {
    ASSERT_EQ(rows[i].size(), 3);
    EXPECT_EQ(rows[i][2], texts[i]);
    const std::vector<std::string>& row = all[i + 1];
    ASSERT_EQ(row.size(), 6);
    EXPECT_THAT(rows[i], ElementsAre(row[0], row[1], row[5]));
    const nlohmann::json object = nlohmann::json::parse(lines[i]);
    EXPECT_EQ(object["text"], i == 1 ? "blue\t of  zebra" : texts[i]) << "JSON has the text as it was";
    EXPECT_EQ(object["label"], row[0]);
    double sum = 0;
    double highest = 0;
    for (size_t c = 0; c < 3; ++c) {
      const double probability = Number(row[2 + c]);
      sum += probability;
      highest = std::max(highest, probability);
      EXPECT_NEAR(object["probabilities"][all[0][2 + c]].get<double>(), probability, 5e-5);
      EXPECT_EQ(row[0] == all[0][2 + c], row[1] == row[2 + c])
          << "the likeliest class's, and ties are not to be feared";
    }
    EXPECT_NEAR(sum, 1, 2e-4);
    EXPECT_EQ(Number(row[1]), highest);
    EXPECT_EQ(object["probability"], object["probabilities"][row[0]]);
  }
  EXPECT_EQ(Classify({}, "").out, "");
  EXPECT_EQ(Classify({"--all"}, "").out, "label\tprobability\twarm_colour\tcold-colour\tsound\ttext\n");
  EXPECT_THAT(Classify({"--shots", "4"}, "").err, HasSubstr("the 4-shot initialisation"));
  Write("texts", "red stands\n");
  EXPECT_EQ(Rows(Classify({"$texts"}, "not read").out), Rows(plain.out.substr(0, plain.out.find('\n'))));
}

TEST(ClassifyTest, OrderAndCompanyOfTheTextsChangeNothing) {
  std::vector<std::string> texts;
  for (int i = 0; i < 700; ++i) {  // more than are read in one piece
    texts.push_back(absl::StrCat("word ", i, i % 3 == 0 ? " red and blue and a drum beside the zebra" : "", " x"));
  }
  const auto forth = Rows(Classify({"--all"}, absl::StrJoin(texts, "\n")).out);
  std::reverse(texts.begin(), texts.end());
  const auto back = Rows(Classify({"--all"}, absl::StrJoin(texts, "\n"), "2").out);
  ASSERT_EQ(forth.size(), 701);
  ASSERT_EQ(back.size(), 701);
  const auto near = [](const std::vector<std::string>& a, const std::vector<std::string>& b) {
    ASSERT_EQ(a.back(), b.back());
    for (size_t c = 2; c < 5; ++c) {
      EXPECT_NEAR(Number(a[c]), Number(b[c]), 1.1e-4) << a.back();
    }
  };
  for (size_t i = 1; i < 701; ++i) {
    near(forth[i], back[701 - i]);
  }
  for (const size_t i : {1, 2, 400, 700}) {
    near(forth[i], Rows(Classify({"--all"}, forth[i].back()).out)[1]);
  }
}

TEST(ClassifyTest, ThePrecisionIsTheRunsOrTheOption) {
  const auto rows = [](const std::string& run, const std::vector<std::string>& more) {
    Write("few.tsv", kFew);
    std::vector<std::string> arguments = {"classify", "--run", run, "--support", "$few.tsv", "--all", "--json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Command(arguments, "red stands\nblue of zebra\na drum\n");
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  };
  const std::string run = RunOf("proto", "proto_net {}");
  const std::string exact = rows(run, {});
  const std::string rounded = rows(run, {"--precision", "BFLOAT16"});
  EXPECT_EQ(rows(run, {"--precision", "FLOAT32"}), exact);
  EXPECT_NE(rounded, exact) << "six digits, of which bfloat16 has two to three";
  const std::vector<std::string> a = absl::StrSplit(exact, '\n', absl::SkipEmpty());
  const std::vector<std::string> b = absl::StrSplit(rounded, '\n', absl::SkipEmpty());
  ASSERT_EQ(a.size(), 3);
  ASSERT_EQ(b.size(), 3);
  for (size_t i = 0; i < 3; ++i) {
    for (const auto& [label, probability] : nlohmann::json::parse(a[i])["probabilities"].items()) {
      EXPECT_NEAR(nlohmann::json::parse(b[i])["probabilities"][label].get<double>(), probability.get<double>(), 0.03);
    }
  }
  const std::string half = RunOf("half_proto", "proto_net {}", {"precision=BFLOAT16"});
  EXPECT_EQ(rows(half, {}), rows(half, {"--precision", "BFLOAT16"}));
  EXPECT_NE(rows(half, {}), rows(half, {"--precision", "FLOAT32"}));
}

// Compared with an episode of the same texts, computed with only the vocabulary rows that it needs.
TEST(ClassifyTest, ProbabilitiesAreThoseOfMetaTest) {
  for (const std::string learner : {kMaml, "proto_net {}", "r2d2 {}", "meta_prompter {}"}) {
    std::string run = TheRun();
    if (learner != kMaml) {
      run = RunOf(learner.substr(0, learner.find(' ')), learner, {"model.verbalizer.answer_texts=2"});
    }
    Write("few.tsv", kFew);
    const absl::StatusOr<FinishedRun> opened = FinishedRun::Open(In(run));
    ASSERT_TRUE(opened.ok()) << opened.status();
    const absl::StatusOr<ParamList> initial = opened->Params(4);
    ASSERT_TRUE(initial.ok()) << initial.status();
    const std::vector<SupportClass> support = ReadExamples(In("$few.tsv"), {})->classes;
    EXPECT_EQ(support[0].name, "warm colour");
    EXPECT_EQ(support[1].name, "cold colour");
    EXPECT_EQ(support[2].name, "noise");
    EXPECT_THAT(support[1].texts, ElementsAre("blue is the word", "green of zebra"));
    TaskPool pool(1);
    absl::StatusOr<Classifier> classifier = Classifier::Adapt(&*opened, *initial, support, at::kCPU, &pool);
    ASSERT_TRUE(classifier.ok()) << classifier.status();
    const std::vector<std::string> queries = {"another red drum", "zebra", "42 trumpets and a queue of xylophones"};

    std::vector<TextClass> classes;
    EpisodePlan plan;
    for (size_t c = 0; c < support.size(); ++c) {
      classes.push_back(TextClass{support[c].label, support[c].name, Split::kTest, support[c].texts});
      classes.back().texts.push_back(queries[c]);
      const auto way = static_cast<int64_t>(c);
      plan.classes.push_back(way);
      plan.support.insert(plan.support.end(), {TextRef{way, 0}, TextRef{way, 1}});
      plan.query.push_back(TextRef{way, 2});
    }
    const absl::StatusOr<TextSource> split =
        TextSource::Create({&classes[0], &classes[1], &classes[2]}, opened->tokenizer(), opened->prompt(),
                           opened->record().spec().model().verbalizer(), false);
    ASSERT_TRUE(split.ok()) << split.status();
    const Episode episode = split->Build({plan}, at::kFloat);
    const AdaptedParams adapted =
        opened->learner().Adapt(opened->model(), LocalParams(opened->infos(), *initial, episode.rows), episode.support);
    const at::NoGradGuard no_grad;
    const at::Tensor expected = at::softmax(opened->learner().Logits(opened->model(), adapted, episode.query), -1);
    const at::Tensor found = classifier->Probabilities(queries).value();
    EXPECT_LT((found - expected).abs().max().item<double>(), 1e-5) << learner << "\n" << found << expected;
    EXPECT_GT((expected - 1.0 / 3).abs().max().item<double>(), 1e-3) << learner << " tells no class from another";
  }
}

// Two hundred classes, `texts` examples each; their names are words of the tokenizer's letters.
std::string ManyClasses(int texts) {
  std::string few;
  constexpr absl::string_view kLetters = "abdehiknoqrstuw";
  int c = 0;
  for (size_t i = 0; i < kLetters.size(); ++i) {
    for (size_t j = i; j < kLetters.size(); ++j) {
      for (size_t k = j; k < kLetters.size() && c < 200; ++k, ++c) {  // no two names have the same letters
        for (int text = 0; text < texts; ++text) {
          absl::StrAppend(&few, std::string({kLetters[i], kLetters[j], kLetters[k]}), "\tword ", c, " ", text, "\n");
        }
      }
    }
  }
  return few;
}

TEST(ClassifyTest, ManyClassesWhereTheModelCan) {
  TheRun();
  Write("many.tsv", ManyClasses(1));
  const Outcome outcome =
      Command({"classify", "--run", TheRun(), "--support", "$many.tsv", "--all", "--threads", "1"}, "word 7\nword 8\n");
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  ASSERT_EQ(Rows(outcome.out).size(), 3);
  EXPECT_EQ(Rows(outcome.out)[2].size(), 203);
  // Newton's method needs a matrix of (texts x classes)² numbers, too many for any machine.
  const std::string probe = RunOf("probe", "linear_probe {}", {"train.meta_steps=0"});
  Write("many.tsv", ManyClasses(5));
  const Outcome refused = Command({"classify", "--run", probe, "--support", "$many.tsv", "--threads", "1"});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(
      refused.err,
      AllOf(StartsWith("error: $many.tsv: adapting to 1000 texts of 200 classes together takes about 1192.1 GiB, and "),
            HasSubstr(" GiB are free; give fewer texts per class, or fewer classes\n")));
}

TEST(ClassifyTest, MistakesAreAnsweredInOneLine) {
  const auto few = [](const std::string& text) {
    TheRun();
    Write("bad.tsv", text);
    const Outcome outcome = Command({"classify", "--run", TheRun(), "--support", "$bad.tsv", "--threads", "1"}, "x\n");
    EXPECT_EQ(outcome.status, 1);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_EQ(few(""), "error: $bad.tsv: no text in this file\n");
  EXPECT_EQ(few("a\tx\na\ty\n"),
            "error: $bad.tsv: all texts are of one class, 'a'; add at least one text of another class\n");
  EXPECT_EQ(few("a\tx\nb\t \n"), "error: $bad.tsv:2: empty text; write one, or remove the line\n");
  EXPECT_EQ(few("a\tx\n\ty\n"), "error: $bad.tsv:2: empty label\n");
  EXPECT_EQ(few("a\tx\ny\n"), "error: $bad.tsv:2: no tab between label and text\n");
  EXPECT_EQ(few("a x\n"),
            "error: $bad.tsv: cannot find a column of labels and one of texts; give their names or numbers with "
            "--label-column and --text-column; its first line is not divided by commas, semicolons, tabs or |\n");
  EXPECT_EQ(few("a\tb\tc\td\n"),
            "error: $bad.tsv:1: more than two tabs; a line is label, tab, text, or label, tab, name, tab, text\n");
  EXPECT_EQ(few("a\tone\tx\na\ttwo\ty\n"),
            "error: $bad.tsv:2: the class 'a' is called 'two' here and 'one' above (the column between label and text "
            "is the name; a text must not contain a tab)\n");
  EXPECT_EQ(few("a\tx\na\tcall now\tfree\nb\ty\n"),
            "error: $bad.tsv:2: the class 'a' is called 'call now' here, but its first example has no name "
            "(the column between label and text is the name; a text must not contain a tab)\n");
  EXPECT_THAT(few("a\tx\nb\t\xff\n"), StartsWith("error: $bad.tsv:2: "));
  EXPECT_THAT(few("[{\"name\": \"x\"}]\n"), HasSubstr("\n$bad.tsv: it is a JSON array; "));
  EXPECT_THAT(few(std::string("\xff\xfe"
                              "a\0\t\0x\0\n\0",
                              10)),
              StartsWith("error: $bad.tsv: it looks like UTF-16; "));
  EXPECT_EQ(few("the_word\tx\nTHE-WORD\ty\n"),
            "error: $bad.tsv: the classes 'the_word' and 'THE-WORD' have the same words in the run's tokenizer, 'THE "
            "WORD'; give one of them another name: label, tab, name, tab, text\n");
  EXPECT_EQ(few("the\tx\n\xe2\x98\x83\ty\n"),
            "error: $bad.tsv: the run's tokenizer cannot encode the class name '\xe2\x98\x83'; give the class another "
            "name: label, tab, name, tab, text\n");

  const Outcome bytes = Classify({"--json"}, "red\nblue\ngr\xfcn\n");
  EXPECT_EQ(bytes.status, 1);
  EXPECT_THAT(bytes.err, HasSubstr("error: the standard input:3: "));
  const auto error = [](const std::string& run, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {"classify", "--run", run, "--support", "$few.tsv"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Outcome outcome = Command(arguments);
    EXPECT_EQ(outcome.status, 1);
    return outcome.err;
  };
  EXPECT_EQ(error("$none"), "error: $none: no such run directory\n");
  std::filesystem::create_directories(Folder() + "half.partial");
  Write("half.partial/spec.textproto", "");
  std::filesystem::create_directories(Folder() + "records/one");
  std::filesystem::copy_file(Folder() + "run/record.textproto", Folder() + "records/one/record.textproto");
  EXPECT_EQ(
      error("$records/one"),
      "error: $records/one: the run's record is here, but best-1shot.safetensors is not; copy it again from where "
      "the run was made, or run the record's spec again\n");
  EXPECT_EQ(error("$records"),
            "error: $records: not a run directory: it has no record.textproto; the runs in it are $records/*/\n");
  const std::string unfinished = ": the run is not complete; the command that started it continues it\n";
  EXPECT_EQ(error("$half"), "error: $half" + unfinished);
  EXPECT_EQ(error("$half.partial"), "error: $half.partial" + unfinished);
  EXPECT_EQ(error(TheRun(), {"--shots", "3"}), "error: $run: the run has no 3-shot result; it has 1, 4\n");
  EXPECT_EQ(error(TheRun(), {"--device", "abacus"}), "error: device is 'abacus'; it must be cpu, cuda or cuda:N\n");
  EXPECT_EQ(error(TheRun(), {"$nothing"}), "error: cannot read $nothing: No such file or directory\n");
  EXPECT_EQ(Command({"classify", "--run", TheRun()}).err,
            "error: --support FILE is missing: a few labelled examples of each class\n");
}

}  // namespace
}  // namespace metaprompt

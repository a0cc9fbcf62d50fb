// `metaprompt init` turns a user's file into a spec that runs, or says what works instead.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kBert[] = "tests/goldens/encoders/bert";

// `classes` classes of `texts` texts each, as a CSV.
std::string Tickets(int classes, int texts) {
  std::string file = "id,Queue,Message\n";
  for (int i = 0; i < texts; ++i) {
    for (int c = 0; c < classes; ++c) {
      const auto letter = static_cast<char>('a' + c);
      absl::StrAppend(&file, i, ",queue ", std::string(1, letter), ",\"the ", std::string(3, letter), ", and ", i,
                      " on it\"\n");
    }
  }
  return file;
}

class InitTest : public CommandLineTest {
 protected:
  // Runs the spec with less training and testing.
  Outcome Run(const std::string& spec) const {
    return Command({"run", spec, "--out", "$run-of-init", "--set", "train.meta_steps=1", "--set",
                    "train.valid_episodes=2", "--set", "test.episodes=2", "--set", "threads=1"});
  }
};

TEST_F(InitTest, TheSpecExplainsItselfAndRuns) {
  Write("tickets.csv", Tickets(8, 12));
  const std::vector<std::string> init = {"init", "--data", "$tickets.csv",    "--encoder",
                                         kBert,  "--out",  "$first.textproto"};
  const Outcome written = Command(init);
  ASSERT_EQ(written.status, 0) << written.err;
  EXPECT_EQ(written.out, In("$first.textproto: written; look at it, then: metaprompt run $first.textproto\n"));
  const std::string spec = Read("first.textproto");
  EXPECT_THAT(spec,
              AllOf(HasSubstr("/tickets.csv: CSV, label column 'Queue', text column 'Message'; 96 different texts in 8 "
                              "classes:\n# queue a 12, queue b 12, "),
                    HasSubstr("\nname: \"tickets\"\n"), HasSubstr("text_column: \"Message\" label_column: \"Queue\""),
                    HasSubstr("# 4 classes for training, 2 for validation, 2 for test; a seed draws which.\n"),
                    HasSubstr("split { shares { train: 0.5 valid: 0.25 } }"), HasSubstr("masked-language-model head"),
                    HasSubstr("episodes { ways: 2 shots: [1, 5] queries: 7 train_ways: 4 train_queries: 5 }\n")));
  const std::string probe =
      Command({"init", "--data", "$tickets.csv", "--encoder", kBert, "--template", "linear_probe"}).out;
  EXPECT_THAT(probe,
              AllOf(HasSubstr("episodes { ways: 2 shots: [1, 5] queries: 7 }\n"), Not(HasSubstr("raining tasks"))));
  const Outcome run = Run("$first.textproto");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(Error(init), "$first.textproto: this file is there already; name another");
}

TEST_F(InitTest, EveryTemplateRuns) {
  Write("tickets.csv", Tickets(6, 7));
  const std::string list = Command({"init", "--list"}).out;
  for (const std::string kind : {"prototypes", "maml", "prompt", "linear_probe"}) {
    EXPECT_THAT(list, HasSubstr(absl::StrCat("  ", kind, " ")));
    for (const std::string encoder : {kBert, "tests/goldens/encoders/bert-no-head"}) {
      const Outcome spec = Command({"init", "--data", "$tickets.csv", "--encoder", encoder, "--template", kind});
      ASSERT_EQ(spec.status, 0) << spec.err;
      EXPECT_THAT(spec.out, HasSubstr("episodes { ways: 2 shots: 1 queries: 6 }"));
      EXPECT_EQ(absl::StrContains(spec.out, "# Nothing is trained"), kind == "linear_probe");
      WriteBytes("spec.textproto", spec.out);
      std::vector<std::string> arguments = {"run",   "$spec.textproto",
                                            "--out", absl::StrCat("$", kind, encoder.size()),
                                            "--set", "train.valid_episodes=2",
                                            "--set", "test.episodes=2",
                                            "--set", "threads=1"};
      if (kind != "linear_probe") {
        arguments.insert(arguments.end(), {"--set", "train.meta_steps=1"});
      }
      const Outcome run = Command(arguments);
      EXPECT_EQ(run.status, 0) << kind << ": " << run.err;
    }
  }
  const Outcome random = Command({"init", "--data", "$data.tsv"});
  EXPECT_EQ(random.status, 0) << random.err;
  EXPECT_THAT(random.out, AllOf(HasSubstr("random weights"), HasSubstr("vocab_size: ")));
  WriteBytes("spec.textproto", random.out);
  const Outcome run = Run("$spec.textproto");
  EXPECT_EQ(run.status, 0) << run.err;
  EXPECT_EQ(Error({"init", "--data", "$tickets.csv", "--template", "prompt"}),
            "the template prompt needs a pre-trained encoder; name its folder with --encoder");
  EXPECT_EQ(Error({"init", "--data", "$tickets.csv", "--template", "x"}),
            "there is no template 'x'; known: prototypes, maml, prompt, linear_probe");
}

TEST_F(InitTest, OtherLayoutsAndSmallClasses) {
  std::string file = Data(7, 9);
  absl::StrAppend(&file, "rare\tthe only one\nrare\tthe only one\n");
  Write("mine.tsv", file);
  const Outcome spec = Command({"init", "--data", "$mine.tsv", "--encoder", kBert});
  ASSERT_EQ(spec.status, 0) << spec.err;
  EXPECT_THAT(spec.out,
              AllOf(HasSubstr("  tsv { path: \""), HasSubstr("# Left out: 1 with fewer than 6 different texts.\n"),
                    HasSubstr("    lists {\n      train: [\""), Not(HasSubstr("\"rare\""))));
  WriteBytes("spec.textproto", spec.out);
  const Outcome run = Run("$spec.textproto");
  EXPECT_EQ(run.status, 0) << run.err;
  std::string json;
  for (int i = 0; i < 36; ++i) {
    absl::StrAppend(&json, "{\"sentence\": \"word ", i, "\", \"intent\": \"class ", i % 6, "\"}\n");
  }
  Write("mine.jsonl", json);
  EXPECT_THAT(Command({"init", "--data", "$mine.jsonl", "--encoder", kBert}).out,
              HasSubstr("text_field: \"sentence\" label_field: \"intent\" }"));
  // The spec has the names of the classes, because a run does not read the column of names.
  std::string csv = "label,name,text\n";
  for (int i = 0; i < 36; ++i) {
    absl::StrAppend(&csv, "C", i % 6, ",", i % 6 == 0 ? "" : absl::StrCat("cat ", i % 6), ",the word ", i, "\n");
  }
  Write("named.csv", csv);
  for (const std::string kind : {"prototypes", "maml"}) {
    const Outcome named = Command({"init", "--data", "$named.csv", "--encoder", kBert, "--template", kind});
    EXPECT_THAT(named.out, AllOf(HasSubstr("allow_same_words: true\n    answers { label: \"C1\" words: \"cat 1\" }\n"),
                                 HasSubstr("label: \"C5\" words: \"cat 5\" }\n  }\n"), Not(HasSubstr("\"C0\""))))
        << named.err;
  }
}

TEST_F(InitTest, TooFewClassesHaveAnotherWay) {
  Write("few.csv", "label,text\na,one\na,two\nb,three\nb,four\n");
  EXPECT_EQ(Error({"init", "--data", "$few.csv", "--encoder", kBert}),
            absl::StrCat("$few.csv: 0 of its 2 classes (a 2, b 2) have 6 different texts or more; a run needs 6 such "
                         "classes, two each for training, validation and test. With fewer, label texts without a run: "
                         "metaprompt classify --encoder ",
                         kBert, " --support $few.csv < texts"));
  EXPECT_EQ(Error({"init"}), "--data FILE is missing: your labelled texts; --list shows the templates");
  EXPECT_THAT(Error({"init", "--data", "$none"}), StartsWith("$none: No such file"));
}

TEST_F(InitTest, WhereASpecIsWrittenAndReadFrom) {
  Write("tickets.csv", Tickets(8, 12));
  const auto init = [](const std::string& data, const std::string& out) {
    return std::vector<std::string>{"init", "--data", data, "--encoder", kBert, "--out", out};
  };
  EXPECT_EQ(Command(init("$tickets.csv", "/dev/null")).out, "");
  EXPECT_EQ(Error(init("$tickets.csv", "/dev/full")), "cannot write /dev/full: No space left on device");
  EXPECT_EQ(Error(init("$tickets.csv", "$")), "cannot write $: it is a folder");
  ASSERT_EQ(mkfifo((folder_ + "pipe").c_str(), 0600), 0);
  EXPECT_EQ(Error(init("$pipe", "$spec.textproto")),
            "$pipe: a pipe or a device; a regular file is needed, because each run reads it again");
  Write("two\nlines.csv", Tickets(8, 12));
  EXPECT_EQ(Command(init("$two\nlines.csv", "$lines.textproto")).status, 0);
  EXPECT_THAT(Read("lines.textproto"), HasSubstr("/two\\nlines.csv: CSV, label"));
  EXPECT_EQ(Command({"check", "$lines.textproto"}).err, "");
}

}  // namespace
}  // namespace metaprompt

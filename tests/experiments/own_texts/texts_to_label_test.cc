// The files that `classify` reads: one that `datasets split` divides, files without texts, and columns that are kept.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/helpers/checkpoint_run_fixture.h"

namespace metaprompt {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class TextsToLabelTest : public CheckpointRunTest {
 protected:
  void SetUp() override {
    CheckpointRunTest::SetUp();
    Write("few.csv",
          "text,label\nthe cat is small,cat\na cat and a cat,cat\ndog on the dog,dog\nnot the small dog,dog\n");
  }

  Outcome Classify(const std::vector<std::string>& options, const std::string& input) const {
    std::vector<std::string> all = {
        "classify",  "--encoder", std::string(kGoldens) + "bert", "--support", folder_ + "few.csv", "--uncalibrated",
        "--threads", "1"};
    all.insert(all.end(), options.begin(), options.end());
    return Command(all, false, input);
  }
};

TEST_F(TextsToLabelTest, TextsThatAreNone) {
  // Before the checkpoint is opened.
  EXPECT_EQ(Classify({folder_}, "").err, "error: $: Is a directory\n");
  Write("none.txt", "");
  EXPECT_EQ(Classify({folder_ + "none.txt"}, "").err, "error: $none.txt: no text in this file\n");
  Write("header.csv", "id,text\n");
  EXPECT_THAT(Classify({folder_ + "header.csv"}, "").err, HasSubstr("\nerror: $header.csv: no text in this file\n"));
  const Outcome nothing = Classify({}, "");
  EXPECT_EQ(nothing.status, 0);
  EXPECT_THAT(nothing.err, HasSubstr("\nthe standard input: warning: there is no text\n"));
}

TEST_F(TextsToLabelTest, ColumnsThatAreKept) {
  const std::string csv = "id,text,when\n7,the cat,\"1\nMay\"\n8,,2\n9,\"the dog, small\",3\n";
  const Outcome plain = Classify({}, csv);
  EXPECT_THAT(plain.err, HasSubstr("\nthe standard input: CSV, text column 'text'; --keep COLUMN puts another column "
                                   "into the output: id, when\n"));
  const Outcome kept = Classify({"--keep", "when", "--keep", "1"}, csv);
  ASSERT_EQ(kept.status, 0) << kept.err;
  EXPECT_THAT(kept.err, HasSubstr("\nthe standard input: CSV, text column 'text'\n"));
  std::vector<std::string> with = {"\t1 May\t7", "\t2\t8", "\t3\t9"};
  std::vector<std::string> expected;
  for (absl::string_view line : absl::StrSplit(plain.out, '\n', absl::SkipEmpty())) {
    ASSERT_LT(expected.size(), with.size());
    expected.push_back(absl::StrCat(line, with[expected.size()]));
  }
  EXPECT_EQ(kept.out, absl::StrJoin(expected, "\n") + "\n");
  EXPECT_THAT(Classify({"--keep", "id", "--all"}, csv).out, StartsWith("label\tprobability\tcat\tdog\ttext\tid\n"));
  const Outcome json = Classify({"--keep", "id", "--json"}, "{\"text\": \"the cat\", \"id\": [1]}\n");
  EXPECT_EQ(nlohmann::json::parse(json.out)["id"], nlohmann::json::parse("[1]")) << json.err;
  const std::string deep(100000, '[');
  for (const std::string& value :
       {std::string("1234567890123456789012"), std::string("[0.12345678901234567890, 1e300]"), std::string("null"),
        std::string("{ \"text\": \"a, }\\\"\", \"b\":{}}"), deep + std::string(deep.size(), ']')}) {
    const std::string line = absl::StrCat("{\"i\\u0064\" : ", value, " ,\"text\":\"the cat\"}\n");
    const Outcome outcome = Classify({"--keep", "id", "--json"}, line);
    EXPECT_THAT(outcome.out, EndsWith(absl::StrCat(",\"id\":", value, "}\n"))) << outcome.err;
  }
  // Errors.
  EXPECT_THAT(Classify({"--keep", "nr"}, csv).err,
              HasSubstr("\nerror: the standard input: no column 'nr' to keep; there are id, text, when\n"));
  EXPECT_THAT(Classify({"--keep", "id"}, "id,id,text\n1,2,the cat\n").err,
              HasSubstr("\nerror: the standard input: two columns are called 'id'; "));
  EXPECT_THAT(Classify({"--keep="}, csv).err, HasSubstr("error: --keep: the value is empty"));
  EXPECT_THAT(Classify({"--keep", "id"}, "the cat\n").err,
              HasSubstr("\nerror: the standard input: no column 'id' to keep: the texts are lines without columns\n"));
  EXPECT_THAT(Classify({"--keep", "label", "--json"}, csv).err,
              HasSubstr("\nerror: --keep label: with --json, the output has a field 'label' already; "));
  EXPECT_THAT(Classify({"--keep", "id"}, "{\"text\": \"the cat\"}\n").err,
              HasSubstr("\nerror: the standard input:1: no field 'id'; the object has: text\n"));
}

TEST_F(TextsToLabelTest, ColumnsThatAreCalledAsInTheExamples) {
  Write("few.csv",
        "request,team\nthe cat is small,cat\na cat and a cat,cat\ndog on the dog,dog\nnot the small dog,dog\n");
  const std::string csv = "id,request\n7,the cat\n";
  const Outcome now = Classify({"--save", folder_ + "mine"}, csv);
  ASSERT_EQ(now.status, 0) << now.err;
  EXPECT_THAT(now.err, HasSubstr("\nthe standard input: CSV, text column 'request'; --keep COLUMN "));
  EXPECT_EQ(std::count(now.out.begin(), now.out.end(), '\n'), 1) << now.out;
  const Outcome later = Command({"classify", "--model", folder_ + "mine", "--threads", "1"}, false, csv);
  EXPECT_EQ(later.out, now.out) << later.err;
  // Other files are read as before.
  EXPECT_THAT(Classify({}, "the cat\n").err, HasSubstr("\nthe standard input: one text per line\n"));
  EXPECT_THAT(Classify({}, "text,request\nthe cat,a\n").err, HasSubstr(": CSV, text column 'request'"));
  EXPECT_THAT(Classify({}, "id,text\n7,the cat\n").err, HasSubstr(": CSV, text column 'text'"));
  // A number is a column of the examples, whose name is looked for.
  Write("few.csv", "the cat is small,cat\na cat and a cat,cat\ndog on the dog,dog\nnot the small dog,dog\n");
  const std::string examples = Read("few.csv");
  Write("few.csv", "subject,text,label\n" + absl::StrReplaceAll(examples, {{",", ",re,"}}));
  EXPECT_THAT(Classify({"--text-column", "1"}, "id,text,subject\n1,a,the cat\n").err,
              HasSubstr("\nthe standard input: CSV, text column 'subject'; "));
  Write("few.csv", examples);
  const std::vector<std::string> numbers = {"--label-column", "2", "--text-column", "1"};
  EXPECT_THAT(Classify(numbers, "the cat\n").err,
              HasSubstr(": one text per line; --text-column 1 is for $few.csv, which has no column names\n"));
}

// The lines of both files that `datasets split` makes.
struct Parts {
  std::vector<std::string> examples;
  std::vector<std::string> test;
};

class SplitFileTest : public TextsToLabelTest {
 protected:
  Outcome Split(const std::string& file, const std::vector<std::string>& options) const {
    std::vector<std::string> all = {"datasets", "split", folder_ + file, "--out", folder_ + "parts"};
    all.insert(all.end(), options.begin(), options.end());
    return Command(all);
  }
  // Divides the file, and removes the folder.
  Parts PartsOf(const std::string& file, const std::vector<std::string>& options = {}) const {
    const Outcome split = Split(file, options);
    EXPECT_EQ(split.status, 0) << split.err;
    Parts parts = {absl::StrSplit(Read("parts/examples.csv"), '\n'), absl::StrSplit(Read("parts/test.csv"), '\n')};
    std::filesystem::remove_all(folder_ + "parts");
    return parts;
  }
};

TEST_F(SplitFileTest, EveryRecordIsInOneFileAndCopiesStayTogether) {
  std::vector<std::string> lines;
  for (int i = 0; i < 20; ++i) {
    lines.push_back(absl::StrCat(i, ",", i < 10 ? "the cat " : "a dog ", i % 10, ",", i < 10 ? "cat" : "dog"));
  }
  lines.emplace_back("20,  the cat 3,cat");  // the same text
  lines.emplace_back("21,the cat 4,dog");    // under another label
  lines.emplace_back("22,lonely,bird");
  const std::string header = "id,text,label";
  const auto write = [&](const std::vector<std::string>& records) {
    Write("own.csv", absl::StrCat(header, "\r\n", absl::StrJoin(records, "\n")));
  };
  write(lines);
  const Parts parts = PartsOf("own.csv");
  EXPECT_EQ(parts.examples[0], header + "\r");
  EXPECT_EQ(parts.test[0], header + "\r");
  const auto ids = [](const std::vector<std::string>& of) {
    std::vector<int> found;
    for (size_t i = 1; i + 1 < of.size(); ++i) {
      found.push_back(std::stoi(of[i]));
    }
    return found;
  };
  std::vector<int> both = ids(parts.examples);
  EXPECT_TRUE(std::is_sorted(both.begin(), both.end()));
  const std::vector<int> tests = ids(parts.test);
  EXPECT_TRUE(std::is_sorted(tests.begin(), tests.end()));
  const auto has = [&](int id) { return std::count(tests.begin(), tests.end(), id) > 0; };
  EXPECT_EQ(has(3), has(20));
  EXPECT_EQ(has(4), has(21));
  EXPECT_FALSE(has(22));
  const auto cats = std::count_if(tests.begin(), tests.end(), [](int id) { return id < 10; });
  EXPECT_EQ(cats, 2);
  both.insert(both.end(), tests.begin(), tests.end());
  std::sort(both.begin(), both.end());
  std::vector<int> all(23);
  std::iota(all.begin(), all.end(), 0);
  EXPECT_EQ(both, all);
  // Another order of the file has the same test texts; another seed has others.
  std::reverse(lines.begin(), lines.begin() + 10);
  write(lines);
  std::vector<int> again = ids(PartsOf("own.csv").test);
  std::sort(again.begin(), again.end());
  EXPECT_EQ(again, tests);
  EXPECT_NE(ids(PartsOf("own.csv", {"--seed", "1"}).test), ids(PartsOf("own.csv").test));
  EXPECT_GT(PartsOf("own.csv", {"--test-share", "0.4"}).test.size(), parts.test.size());
}

TEST_F(SplitFileTest, TheFilesAreForClassify) {
  std::string own = "label,text\n";
  for (int i = 0; i < 5; ++i) {
    absl::StrAppend(&own, "cat,\"the\ncat ", std::string(static_cast<size_t>(i) + 1, 'z'), "\"\n\ndog,the dog ",
                    std::string(static_cast<size_t>(i) + 1, 'z'), "\n");
  }
  Write("own.csv", own);
  const Outcome split = Split("own.csv", {});
  EXPECT_EQ(absl::StrReplaceAll(split.out, {{folder_, "$"}}),
            "$own.csv: CSV, label column 'label', text column 'text'\n"
            "$parts/examples.csv: 8 texts in 2 classes\n"
            "$parts/test.csv: 2 texts\n"
            "metaprompt classify --support $parts/examples.csv --encoder FOLDER --labelled $parts/test.csv\n");
  const Outcome labelled =
      Command({"classify", "--encoder", std::string(kGoldens) + "bert", "--support", folder_ + "parts/examples.csv",
               "--labelled", folder_ + "parts/test.csv", "--threads", "1", "--uncalibrated"});
  EXPECT_EQ(labelled.status, 0) << labelled.err;
  EXPECT_THAT(labelled.out, HasSubstr(" of 2 texts; "));
  EXPECT_THAT(labelled.err, Not(HasSubstr("among the examples")));
  // Columns that were guessed are named, because a part of the file may look different.
  std::string guess = "queue nr,what they wrote\n";
  for (const std::string word : {"cat", "dog", "bird"}) {
    for (int i = 0; i < 5; ++i) {
      absl::StrAppend(&guess, word, ",the ", word, " is number ", i, "\n");
    }
  }
  Write("guess.csv", guess);
  std::filesystem::remove_all(folder_ + "parts");
  EXPECT_THAT(Split("guess.csv", {}).out,
              HasSubstr("/test.csv --label-column 'queue nr' --text-column 'what they wrote'\n"));
  Write("guess.csv", guess.substr(guess.find('\n') + 1));
  std::filesystem::remove_all(folder_ + "parts");
  EXPECT_THAT(Split("guess.csv", {}).out, HasSubstr("/test.csv --label-column 1 --text-column 2\n"));
  EXPECT_THAT(Command({"classify", "--encoder", std::string(kGoldens) + "bert", "--support",
                       folder_ + "parts/examples.csv", "--labelled", folder_ + "parts/test.csv", "--label-column", "1",
                       "--text-column", "2", "--threads", "1", "--uncalibrated"})
                  .out,
              HasSubstr(" of 3 texts; "));
  // The only text that has the name of its class is an example.
  std::string named = "label,name,text\n1,small cat,the first\n";
  for (int i = 0; i < 9; ++i) {
    absl::StrAppend(&named, "1,,the cat ", i, "\n2,,the dog ", i, "\n");
  }
  Write("named.csv", named);
  std::filesystem::remove_all(folder_ + "parts");
  for (const std::string seed : {"0", "1", "2", "3", "4", "5", "6", "7"}) {
    const Parts parts = PartsOf("named.csv", {"--seed", seed, "--test-share", "0.5"});
    EXPECT_EQ(std::count(parts.examples.begin(), parts.examples.end(), "1,small cat,the first"), 1) << seed;
  }
  // Of several such texts always the same one, whatever the order of the file.
  for (const std::string seed : {"0", "1", "2", "3", "4", "5", "6", "7"}) {
    std::vector<std::vector<std::string>> examples;
    for (const char* lines : {"1,b,the last\n1,a,an early\n", "1,a,an early\n1,b,the last\n"}) {
      Write("named.csv", absl::StrCat("label,name,text\n", lines, "1,,the cat\n2,,a\n2,,b\n2,,c\n"));
      examples.push_back(PartsOf("named.csv", {"--test-share", "0.7", "--seed", seed}).examples);
      std::sort(examples.back().begin(), examples.back().end());
    }
    EXPECT_EQ(examples[0], examples[1]) << seed;
  }
  // Texts with two labels.
  Write("two.csv", "label,text\na,the cat\nb,the cat\na,one\na,two\na,three\nb,four\nb,five\nb,six\n");
  EXPECT_THAT(absl::StrReplaceAll(Split("two.csv", {}).out, {{folder_, "$"}}),
              HasSubstr("\n$two.csv: warning: 1 text is an example of two classes: 'the cat' of 'a' and 'b'\n"));
  std::filesystem::remove_all(folder_ + "parts");
  Write("test.csv", "label,text\ncat,the same\ndog,the same\ndog,the cat\n");
  EXPECT_THAT(Classify({"--labelled", folder_ + "test.csv"}, "").err,
              HasSubstr("$test.csv: warning: 1 of the 3 texts are there with another label, too; "));
  // Errors, which leave everything as it is.
  EXPECT_EQ(Command({"datasets", "split", "-", "--out", folder_ + "parts"}).err,
            "error: the standard input cannot be split; give the path of a file\n");
  Write("guess.csv", guess);
  EXPECT_EQ(Split("guess.csv", {}).status, 0);
  const std::string before = Read("parts/test.csv");
  EXPECT_THAT(Split("own.csv", {"--seed", "1"}).err, StartsWith("error: $parts"));
  EXPECT_EQ(Read("parts/test.csv"), before);
  std::filesystem::remove_all(folder_ + "parts");
  EXPECT_EQ(Split("own.csv", {"--test-share", "0.95"}).err,
            "error: $own.csv: no example of the class 'cat' would be left; it has 5 texts, and a smaller --test-share "
            "leaves more\n");
  EXPECT_EQ(Split("own.csv", {"--test-share", "0.05"}).err,
            "error: $own.csv: no class has so many texts that one could test; a larger --test-share takes more\n");
  Write("one.tsv", "a\tb\na\tc\n");
  EXPECT_EQ(Split("one.tsv", {}).err,
            "error: $one.tsv: all texts have the label 'a'; a classifier needs two classes or more\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ + "parts"));
}

}  // namespace
}  // namespace metaprompt

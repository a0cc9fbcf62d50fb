// The texts that `classify` labels: files without texts, and further columns that it keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "tests/helpers/checkpoint_run_fixture.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
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
  EXPECT_EQ(nlohmann::json::parse(json.out)["id"], "[1]") << json.err;
  // Errors.
  EXPECT_THAT(Classify({"--keep", "nr"}, csv).err,
              HasSubstr("\nerror: the standard input: no column 'nr' to keep; there are id, text, when\n"));
  EXPECT_THAT(Classify({"--keep", "id"}, "the cat\n").err,
              HasSubstr("\nerror: the standard input: no column 'id' to keep: the texts are lines without columns\n"));
  EXPECT_THAT(Classify({"--keep", "label", "--json"}, csv).err,
              HasSubstr("\nerror: --keep label: with --json, the output has a field 'label' already; "));
  EXPECT_THAT(Classify({"--keep", "id"}, "{\"text\": \"the cat\"}\n").err,
              HasSubstr("\nerror: the standard input:1: no field 'id'; the object has: text\n"));
}

}  // namespace
}  // namespace metaprompt

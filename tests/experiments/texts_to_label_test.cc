// The texts that `classify` labels: files without texts, and further columns that it keeps.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/helpers/checkpoint_run_fixture.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace metaprompt

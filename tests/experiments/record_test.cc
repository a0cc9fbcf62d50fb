// A record is input, too: if it was damaged in any way, the commands that read it end with an error of one line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "experiments/fine_tuning/fine_tuning_record.h"
#include "experiments/result.pb.h"
#include "experiments/workbench/check_record.h"
#include "metaprompt/base/random.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/command_line_fixture.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class RecordTest : public CommandLineTest {
 protected:
  void SetUp() override {
    CommandLineTest::SetUp();
    Write("few.tsv", "class-0\tthe word 0\nclass-1\tthe word 7\n");
    const Outcome run = Command(RunHere());
    ASSERT_EQ(run.status, 0) << run.err;
    text_ = Read("run/record.textproto");
    std::filesystem::remove(folder_ + "run/SHA256SUMS");  // otherwise the checksum would find every change
  }

  // The error of `show`, without the file's name, for the record with one part replaced.
  std::string Edited(const std::string& from, const std::string& to) const {
    EXPECT_THAT(text_, HasSubstr(from));
    WriteBytes("run/record.textproto", absl::StrReplaceAll(text_, {{from, to}}));
    const std::string error = Error({"show", "$run"});
    EXPECT_EQ(Error({"report", "$run"}), error);
    EXPECT_EQ(Error({"classify", "--run", "$run", "--support", "$few.tsv"}), error);
    EXPECT_EQ(Error({"export", "$run", "--out", "$exported"}), error);
    EXPECT_THAT(error, StartsWith("$run/record.textproto"));
    return error.substr(std::min(error.size(), std::string("$run/record.textproto: ").size()));
  }

  std::string text_;
};

TEST_F(RecordTest, WhatBreaksARuleIsNamed) {
  EXPECT_EQ(Edited(text_, ""), "version is missing; the file is empty or not the record of a run");
  EXPECT_EQ(Edited("version: 1\n", "version: 99\n"),
            "version is 99; this program reads version 1; use the program that wrote it, or a newer one");
  EXPECT_EQ(Edited("heads: 2", "heads: 0"), "spec: model.encoder.bert.heads is 0; it must be >= 1 and <= 256");
  EXPECT_EQ(Edited("heads: 2", "heads: 3"), "spec: model.encoder.bert.width is 16; it must be a multiple of heads, 3");
  EXPECT_EQ(Edited("layers: 1", "layers: 2000000000"),
            "spec: model.encoder.bert.layers is 2000000000; it must be >= 0 and <= 96");
  EXPECT_EQ(Edited("vocab_size: 96\n  tokenizer_sha256", "vocab_size: -96\n  tokenizer_sha256"),
            "model.vocab_size is -96; it must be >= 0");
  EXPECT_EQ(Edited("results {\n  shots: 1", "results {\n  shots: 3"),
            "results[0].shots is 3; spec.episodes.shots[0] is 1");
  EXPECT_EQ(Edited("results {", "results { shots: 2 } results {"),
            "it has results for 2 numbers of shots; spec.episodes.shots has 1");
  EXPECT_EQ(Edited("best_meta_step: ", "best_meta_step: 7"), "1-shot: best_meta_step is 70; train.meta_steps is 2");
  EXPECT_EQ(Edited("initialisation: \"random\"", "initialisation: \"meta-learned\""),
            "1-shot: 'meta-learned' is tested twice");
  EXPECT_EQ(Edited("over: \"random\"", "over: \"chance\""),
            "1-shot: a difference of 'meta-learned' over 'chance', which are not both tested");
}

TEST_F(RecordTest, NumbersMustAgree) {
  RunRecord record;
  ASSERT_TRUE(ParseSpec(text_, "record", &record).ok());
  ASSERT_TRUE(CheckRecord(record).ok());
  const auto error = [&](const auto& edit) {
    RunRecord edited = record;
    edit(&edited, edited.mutable_results(0), edited.mutable_results(0)->mutable_tests(0));
    return std::string(CheckRecord(edited).message());
  };
  using Result = ShotResult*;
  EXPECT_EQ(error([](RunRecord*, Result, Evaluation* test) { test->add_accuracies(0.5F); }),
            "1-shot: random has 3 accuracies; test.episodes is 2");
  EXPECT_EQ(error([](RunRecord*, Result, Evaluation* test) { test->set_accuracies(0, -0.5F); }),
            "1-shot: an accuracy of random is not within 0 and 1");
  EXPECT_THAT(error([](RunRecord*, Result, Evaluation* test) {
                test->set_accuracies(0, 1);
                test->set_accuracies(1, 1);
                test->set_mean_accuracy(0.25);
              }),
              StartsWith("1-shot: mean_accuracy of random is 0.25 ± "));
  EXPECT_THAT(error([](RunRecord*, Result result, Evaluation*) { result->mutable_curve(0)->set_meta_step(3); }),
              StartsWith("1-shot: a point of the training curve"));
  for (const double half_width : {-1.0, 1e300, 0.125}) {
    EXPECT_THAT(error([&](RunRecord*, Result result, Evaluation*) {
                  result->mutable_differences(0)->set_half_width(half_width);
                }),
                StartsWith("1-shot: a difference of 'meta-learned' over 'random' is "));
  }
  EXPECT_THAT(error([](RunRecord*, Result result, Evaluation*) {
                result->mutable_differences(0)->set_mean(result->differences(0).mean() + 0.125);
              }),
              HasSubstr("; that of their accuracies is "));
  EXPECT_THAT(error([](RunRecord*, Result, Evaluation* test) { test->set_half_width(1e300); }),
              StartsWith("1-shot: an accuracy of random"));
  EXPECT_THAT(error([](RunRecord*, Result, Evaluation* test) { test->set_half_width(test->half_width() + 0.125); }),
              StartsWith("1-shot: mean_accuracy of random is "));
  EXPECT_THAT(error([](RunRecord*, Result result, Evaluation*) {
                result->mutable_curve(1)->set_query_loss(std::numeric_limits<double>::quiet_NaN());
              }),
              StartsWith("1-shot: a point of the training curve"));
  EXPECT_EQ(error([](RunRecord*, Result, Evaluation* test) { test->set_initialisation("ran\x1b[31m"); }),
            "1-shot: the initialisation 'ran\\x1b[31m' has control characters");
  EXPECT_EQ(error([](RunRecord* all, Result, Evaluation*) { all->mutable_dataset()->set_texts(-1); }),
            "dataset.texts is -1; it must be >= 0");
  EXPECT_EQ(error([](RunRecord* all, Result, Evaluation*) { all->mutable_dataset()->set_name("a\nb"); }),
            "dataset.name is 'a\\nb'; it must be UTF-8 without control characters");
}

TEST_F(RecordTest, TheCountsOfAClassAddUp) {
  RunRecord record;
  ASSERT_TRUE(ParseSpec(text_, "record", &record).ok());
  const auto error = [&](const auto& edit) {
    RunRecord edited = record;
    Evaluation* const test = edited.mutable_results(0)->mutable_tests(0);
    EXPECT_GE(test->classes_size(), 2);
    edit(test->mutable_classes(1), test->mutable_classes(0));
    return std::string(CheckRecord(edited).message());
  };
  const std::string whole = "1-shot: random: the class '" + record.results(0).tests(0).classes(1).label() + "' ";
  EXPECT_THAT(error([](ClassResult* one, ClassResult*) { one->set_right(-5); }), StartsWith(whole + "has "));
  EXPECT_THAT(error([](ClassResult* one, ClassResult*) { one->set_right(one->right() + 1); }),
              StartsWith(whole + "has "));
  EXPECT_THAT(error([](ClassResult* one, ClassResult*) { one->set_texts(one->texts() + 1); }),
              StartsWith(whole + "has "));
  for (const int64_t count : {int64_t{-1}, std::numeric_limits<int64_t>::max()}) {
    EXPECT_THAT(error([&](ClassResult* one, ClassResult*) { one->set_taken_for(0, count); }),
                StartsWith(whole + "must have "));
  }
  EXPECT_THAT(error([](ClassResult* one, ClassResult*) { one->add_taken_for(0); }), StartsWith(whole + "must have "));
  EXPECT_THAT(error([](ClassResult* one, ClassResult*) {
                one->set_texts(one->texts() + 100);
                one->set_right(one->right() + 100);
                one->set_taken_for(1, one->taken_for(1) + 100);
              }),
              StartsWith("1-shot: random: the share of right answers in its classes is "));
  EXPECT_THAT(error([](ClassResult* one, ClassResult* other) { one->set_label(other->label()); }),
              HasSubstr("is listed twice"));
  EXPECT_THAT(error([](ClassResult* one, ClassResult*) { one->set_label("a\nb"); }),
              HasSubstr("'a\\nb' has control characters in its name"));
  EXPECT_THAT(error([](ClassResult* one, ClassResult*) { one->set_label("a\xc2\x9b"); }),
              HasSubstr("'a\\u{9b}' has control characters in its name"));
}

TEST_F(RecordTest, ChecksumsComeFirst) {
  Write("run/SHA256SUMS", absl::StrCat(std::string(64, 'a'), "  record.textproto\n"));
  WriteBytes("run/record.textproto", text_.substr(0, text_.size() / 2));
  EXPECT_THAT(Error({"show", "$run"}), StartsWith("$run/record.textproto: not the bytes that were written"));
  Write("run/SHA256SUMS", "");
  EXPECT_THAT(Error({"show", "$run"}), StartsWith("$run/SHA256SUMS: it lists no file; the file is damaged"));
}

TEST_F(RecordTest, TheTimeOfARunIsATime) {
  for (const std::string time : {"1e300", "-1", "nan", "inf"}) {
    Write("run/environment.textproto", "wall_seconds: " + time);
    EXPECT_THAT(Error({"report", "$run"}), StartsWith("$run/environment.textproto: wall_seconds is " +
                                                      std::string(time == "1e300" ? "1e+300" : time)));
  }
  Write("run/environment.textproto", "wall_seconds: 5");
  EXPECT_EQ(Command({"report", "$run"}).status, 0);
}

TEST_F(RecordTest, TheRecordOfAFineTuningIsChecked) {
  Write("tuned.textproto",
        "name: 'tuned' dataset { tsv { path: '$data.tsv' } } tokenizer { vocab_size: 96 } train { epochs: 1 }\n"
        "encoder { bert { layers: 1 width: 16 heads: 2 intermediate: 16 max_positions: 24 } }\n");
  ASSERT_EQ(Command({"finetune", "$tuned.textproto", "--out", "$tuned"}).status, 0);
  const FineTuningRecord record = ReadFineTuning(folder_ + "tuned").value();
  const std::string file = "$tuned/fine_tuning.textproto: ";
  const auto error = [&](const auto& edit) {
    FineTuningRecord edited = record;
    edit(&edited, edited.mutable_test());
    Write("tuned/fine_tuning.textproto", SpecText(edited));
    return Error({"show", "$tuned"});
  };
  using Record = FineTuningRecord*;
  using Test = ClassificationResult*;
  EXPECT_THAT(error([](Record whole, Test) { whole->set_best_step(1000); }),
              StartsWith(file + "not the bytes that were written"));
  std::filesystem::remove(folder_ + "tuned/SHA256SUMS");  // otherwise the checksum would find every change
  EXPECT_THAT(error([](Record whole, Test) { whole->clear_version(); }), StartsWith(file + "version is missing"));
  EXPECT_THAT(error([](Record whole, Test) { whole->set_version(99); }), StartsWith(file + "version is 99; this prog"));
  EXPECT_THAT(error([](Record whole, Test) { whole->mutable_spec()->mutable_encoder()->mutable_bert()->set_heads(3); }),
              StartsWith(file + "spec: encoder.bert.width is 16; it must be a multiple of heads, 3"));
  EXPECT_EQ(error([](Record whole, Test) { whole->mutable_texts()->set_train_texts(-1); }),
            file + "texts.train_texts is -1; it must be >= 0");
  EXPECT_THAT(error([](Record whole, Test) { whole->set_best_step(1000); }), StartsWith(file + "best_step is 1000; "));
  EXPECT_EQ(error([](Record whole, Test) {
              whole->mutable_curve(0)->set_valid_accuracy(std::numeric_limits<double>::quiet_NaN());
            }),
            file + "curve[0].valid_accuracy is nan; it must be within 0 and 1");
  EXPECT_THAT(error([](Record, Test test) { test->mutable_classes(1)->set_texts(1000); }),
              StartsWith(file + "test: texts and right of the class 'class-1' are 1000 and "));
  EXPECT_THAT(error([](Record, Test test) { test->set_accuracy(0.123); }), StartsWith(file + "test.accuracy is 0.123"));
  EXPECT_THAT(error([](Record, Test test) { test->set_macro_f1(2); }), StartsWith(file + "test.macro_f1 is 2; from "));
}

// A few hundred records that are cut short, repeat or lack a line, or have a different number or letter.
TEST_F(RecordTest, AnyDamageEndsInOneLine) {
  const std::vector<std::string> lines = absl::StrSplit(text_, '\n');
  Random random(SubSeed(1, "damage", 0));
  int refused = 0;
  for (int i = 0; i < 240; ++i) {
    std::vector<std::string> damaged = lines;
    const size_t at = random.Below(lines.size() - 1);
    const size_t colon = damaged[at].find(": ");
    switch (i % 6) {
      case 0:
        damaged.resize(at);
        break;
      case 1:
        damaged.erase(damaged.begin() + static_cast<int64_t>(at));
        break;
      case 2:
        damaged.insert(damaged.begin() + static_cast<int64_t>(at), damaged[at]);
        break;
      case 3:
      case 4: {
        constexpr const char* kNumbers[] = {"0", "-1", "2147483647", "1e300", "nan", "-inf"};
        if (colon != std::string::npos) {
          damaged[at] = absl::StrCat(damaged[at].substr(0, colon), ": ", kNumbers[random.Below(6)]);
        }
        break;
      }
      default:
        if (!damaged[at].empty()) {
          damaged[at][random.Below(damaged[at].size())] ^= 0x10;
        }
    }
    WriteBytes("run/record.textproto", absl::StrJoin(damaged, "\n"));
    const std::vector<std::vector<std::string>> commands = {
        {"show", "$run"}, {"report", "$run"}, {"classify", "--run", "$run", "--support", "$few.tsv"}};
    for (const std::vector<std::string>& command : commands) {
      const Outcome outcome = Command(command);
      const bool one_line =
          absl::StartsWith(outcome.err, "error: ") && std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1;
      EXPECT_TRUE(outcome.status == 0 || (outcome.status == 1 && one_line))
          << command[0] << ", damage " << i << " in line " << at + 1 << " (" << lines[at] << "): " << outcome.status
          << ", " << outcome.err;
      refused += outcome.status;
    }
  }
  EXPECT_GT(refused, 240) << "most damage is found";
}

TEST_F(RecordTest, AModelThatDoesNotFitIntoMemoryIsRefused) {
  const std::vector<std::string> sets = {"model.encoder.bert.layers=96", "model.encoder.bert.width=16384",
                                         "model.encoder.bert.intermediate=65536"};
  for (const char* name : {"check", "run"}) {
    std::vector<std::string> command = {name, "$tiny.textproto"};
    for (const std::string& set : sets) {
      command.insert(command.end(), {"--set", set});
    }
    EXPECT_THAT(Error(command),
                ::testing::ContainsRegex(
                    "tiny.textproto: model.encoder.bert: [0-9]+ parameters of 4 bytes take 115[0-9].[0-9] GiB, and "))
        << name;
  }
  // A record whose fields are all in their ranges can be shown, but its model cannot be made.
  WriteBytes("run/record.textproto", absl::StrReplaceAll(text_, {{"layers: 1\n", "layers: 96\n"},
                                                                 {"width: 16\n", "width: 16384\n"},
                                                                 {"intermediate: 16\n", "intermediate: 65536\n"}}));
  EXPECT_EQ(Command({"show", "$run"}).status, 0);
  EXPECT_THAT(Error({"classify", "--run", "$run", "--support", "$few.tsv"}), HasSubstr("of 4 bytes take "));
}

}  // namespace
}  // namespace metaprompt

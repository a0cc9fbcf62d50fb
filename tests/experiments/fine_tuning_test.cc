// Fine-tuning on a whole data set: the gradient, data that can be learned, stops, kills and threads, few-shot runs that
// start from the folder, and errors.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "experiments/fine_tuning/encoder_classifier.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "experiments/fine_tuning/text_split.h"
#include "experiments/fine_tuning/tokenize_texts.h"
#include "experiments/result.pb.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/fine_tuning_fixture.h"
#include "tests/helpers/read_events.h"

namespace metaprompt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kSpec[] =
    "name: 'tuned'\n"
    "dataset { tsv { path: '$words.tsv' } }\n"
    "tokenizer { vocab_size: 80 }\n"
    "encoder { bert { layers: 2 width: 16 heads: 2 intermediate: 16 max_positions: 24 init_std: 0.5 } }\n"
    "read: MEAN\n"
    "dropout { hidden: 0.1 attention: 0.1 }\n"
    "optimizer { lr: 0.02 }\n"
    "train { epochs: 8 batch: 8 parts: 3 checkpoint_every: 2 }\n"
    "threads: 1\n";

// Four classes of 20 texts. One word of a text tells its class; the others are drawn from words that all classes share.
std::string Words() {
  const std::vector<std::string> telling = {"apple", "bread", "cider", "dough"};
  const std::vector<std::string> common = {"we", "all", "like", "to", "have", "some", "now", "and", "then"};
  std::string lines;
  for (size_t c = 0; c < telling.size(); ++c) {
    for (uint64_t text = 0; text < 20; ++text) {
      Random random(SubSeed(3, telling[c], text));
      absl::StrAppend(&lines, "class-", c, "\t");
      const uint64_t place = random.Below(4);
      for (uint64_t word = 0; word < 5; ++word) {
        absl::StrAppend(&lines, word == place ? telling[c] : common[random.Below(common.size())], " ");
      }
      absl::StrAppend(&lines, "number ", text, "\n");
    }
  }
  return lines;
}

class FineTuningTest : public FineTuningFixture {
 protected:
  void SetUp() override {
    FineTuningFixture::SetUp();
    Write("words.tsv", Words());
    Write("tuned.textproto", kSpec);
  }
};

TEST_F(FineTuningTest, LearnsWhatCanBeToldApart) {
  const Outcome tuned = Tune("tuned");
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_THAT(tuned.err, HasSubstr("tsv"));
  const FineTuningRecord record = RecordIn("tuned");
  EXPECT_EQ(record.texts().train_texts(), 64);
  EXPECT_EQ(record.texts().valid_texts(), 8);
  EXPECT_EQ(record.test().texts(), 8);
  EXPECT_EQ(record.test().accuracy(), 1);
  EXPECT_EQ(record.test().macro_f1(), 1);
  EXPECT_NEAR(record.test().low(), 8 / (8 + 1.959964 * 1.959964), 1e-6);  // Wilson's bound if all answers are right
  EXPECT_EQ(record.test().high(), 1);
  EXPECT_EQ(record.steps_per_epoch(), 8);
  EXPECT_EQ(record.curve_size(), 9);
  EXPECT_EQ(record.curve(0).step(), 0);
  EXPECT_FALSE(Exists("tuned/checkpoint-training.safetensors") || Exists("tuned/best.safetensors"));
  const Outcome shown = Command({"show", "$tuned"});
  EXPECT_EQ(shown.status, 0) << shown.err;
  EXPECT_THAT(shown.out, AllOf(HasSubstr("4 classes, fine-tuned on 64 texts"), HasSubstr("100.00 % of 8 texts"),
                               HasSubstr("class-3"), HasSubstr("confusion matrix")));
  EXPECT_THAT(Command({"show", "$tuned", "--json"}).out, HasSubstr("\"macro_f1\": 1"));
  EXPECT_THAT(Tune("tuned").err, HasSubstr("complete already"));
  EXPECT_THAT(Error({"finetune", "$tuned.textproto", "--out", "$tuned", "--set", "seed=9"}),
              HasSubstr("$tuned: the complete run there has another spec"));
}

// The spec in the folder has no shares of published texts, not even as defaults, so that the same command finds the
// same spec.
TEST_F(FineTuningTest, PublishedTextsTestAndTheSameCommandEndsAtOnce) {
  const std::string all = Words();
  const size_t second = all.find('\n', all.find("class-2")) + 1;
  Write("published.tsv",
        all.substr(0, all.find('\n') + 1) + all.substr(all.find("class-2"), second - all.find("class-2")));
  const std::vector<std::string> sets = {"texts.test.tsv.path=" + folder_ + "published.tsv", "train.epochs=1"};
  const Outcome tuned = Tune("published", sets);
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_EQ(RecordIn("published").test().texts(), 2);
  EXPECT_EQ(RecordIn("published").texts().left_out(), 2);
  const Outcome again = Tune("published", sets);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.err, HasSubstr("complete already"));
}

TEST_F(FineTuningTest, GradientIsTheDerivativeOfTheMeanLoss) {
  for (const char* const read : {"FIRST", "MEAN", "MASK"}) {
    SCOPED_TRACE(read);
    const FineTuningSpec spec = SpecWith({absl::StrCat("read=", read), "dropout.hidden=0", "dropout.attention=0"});
    const EncoderConfig config = BertConfig(spec.encoder().bert(), 40);
    const Encoder encoder(config, /*with_head=*/true);
    const EncoderClassifier classifier(spec, &encoder, 3);
    Random random(11);
    const ParamList params =
        Moved(classifier.Start(InitialBert(spec.encoder().bert(), encoder.layout(), 7), 7), &random);
    std::vector<PromptedText> texts;
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < 7; ++i) {
      PromptedText text;
      text.ids = {2, 5 + i, 12 + 3 * i, 3};
      text.ids.insert(text.ids.begin() + 1, static_cast<size_t>(i % 3), 20);
      text.read_at = spec.read() == FineTuningSpec::MASK ? 2 : 0;
      texts.push_back(text);
      labels.push_back(i % 3);
    }
    ExpectGradientOfMeanLoss(spec, classifier, TokenizedTexts(texts, labels), params, &random);
  }
}

TEST_F(FineTuningTest, ThreadsStopsAndContinuationsChangeNoByte) {
  ASSERT_EQ(Tune("whole").status, 0);
  const std::string whole = BytesOf("whole");
  // The number of threads is in the record's spec; nothing else may differ.
  ASSERT_EQ(Tune("threads", {"threads=3"}).status, 0);
  EXPECT_EQ(absl::StrReplaceAll(Read("threads/fine_tuning.textproto"), {{"threads: 3", "threads: 1"}}),
            Read("whole/fine_tuning.textproto"));
  EXPECT_EQ(Sha256(Read("threads/model.safetensors")), Sha256(Read("whole/model.safetensors")));
  // Each process is asked to stop after some lines of progress.
  for (const int after : {2, 5}) {
    const std::string out = absl::StrCat("stopped", after);
    const FineTuningRecord record = TunedWithStops(out, after);
    EXPECT_EQ(BytesOf(out), whole) << "stopped after " << after << " lines";
    // TensorBoard finds each step and each validation once.
    std::vector<int64_t> steps(static_cast<size_t>(record.trained_steps()));
    std::iota(steps.begin(), steps.end(), 1);
    for (const auto& [tag, events] : ReadEvents(folder_ + out + "/tensorboard/train")) {
      EXPECT_EQ(StepsOf(events), steps) << tag;
    }
    const EventsByTag validation = ReadEvents(folder_ + out + "/tensorboard/validation");
    ASSERT_EQ(StepsOf(validation.at("loss")).size(), static_cast<size_t>(record.curve_size()));
    for (int i = 0; i < record.curve_size(); ++i) {
      const ReadEvent& event = validation.at("loss")[static_cast<size_t>(i)];
      EXPECT_EQ(event.step, record.curve(i).step());
      EXPECT_FLOAT_EQ(static_cast<float>(event.value), static_cast<float>(record.curve(i).valid_loss()));
    }
  }
}

TEST_F(FineTuningTest, NoTextIsOnTwoSidesAndPublishedTextsStay) {
  std::string shared;
  for (int c = 0; c < 3; ++c) {
    for (int i = 0; i < 10; ++i) {
      absl::StrAppend(&shared, "class-", c, "\tboth have ", i, "\nclass-", c, "\tonly ", c, " has ", i, "\n");
    }
  }
  Write("words.tsv", shared);
  const absl::StatusOr<TextSplit> split = TextSplitOf(SpecWith({"texts.test_share=0.2", "texts.valid_share=0.2"}));
  ASSERT_TRUE(split.ok()) << split.status();
  const auto texts_of = [](const std::vector<LabelledText>& labelled) {
    std::set<std::string> texts;
    for (const LabelledText& one : labelled) {
      texts.insert(one.text);
    }
    return texts;
  };
  std::set<std::string> all;
  size_t sum = 0;
  for (const auto* const side : {&split->train, &split->valid, &split->test}) {
    const std::set<std::string> texts = texts_of(*side);
    sum += texts.size();
    all.insert(texts.begin(), texts.end());
  }
  EXPECT_EQ(sum, all.size());
  EXPECT_EQ(all.size(), 40U);
  // A share of 0.2 of the 20 texts of each class, also with shared texts, unless these alone exceed it.
  EXPECT_GE(split->test.size(), 12U);
  EXPECT_EQ(split->train.size() + split->valid.size() + split->test.size(), 60U);

  Write("test.tsv", "class-1\tonly 1 has 3\nclass-2\tboth have 4\nclass-2\tnew\n");
  const absl::StatusOr<TextSplit> published = TextSplitOf(SpecWith({"texts.test.tsv.path=" + folder_ + "test.tsv"}));
  ASSERT_TRUE(published.ok()) << published.status();
  EXPECT_THAT(texts_of(published->test), ::testing::UnorderedElementsAre("only 1 has 3", "both have 4", "new"));
  EXPECT_EQ(published->facts.left_out(), 4);  // one text of a single class, and one that three classes have
  for (const auto* const side : {&published->train, &published->valid}) {
    EXPECT_EQ(texts_of(*side).count("both have 4") + texts_of(*side).count("only 1 has 3"), 0U);
  }
  EXPECT_EQ(published->facts.valid_texts(), 6);  // 0.1 of 19, 18 and 19 texts
}

TEST_F(FineTuningTest, TheFolderIsAStartForFewShotRuns) {
  // Fine-tuned on classes 0 to 3, then few-shot on other classes, whose texts the encoder has not seen.
  ASSERT_EQ(Tune("tuned", {"train.epochs=2"}).status, 0);
  const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(folder_ + "tuned", /*allow_unknown=*/false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  const std::vector<std::string> run = {"run",   "$tiny.textproto",
                                        "--out", "$run",
                                        "--set", "model.init_from_run=$tuned",
                                        "--set", "model.tokenizer.path=$tuned/tokenizer.model",
                                        "--set", "model.encoder.bert.layers=2",
                                        "--set", "model.verbalizer.allow_same_words=true",
                                        "--set", "train.meta_steps=0"};
  const Outcome started = Command(run);
  ASSERT_EQ(started.status, 0) << started.err;
  RunRecord record;
  ASSERT_TRUE(ParseSpec(Read("run/record.textproto"), "record", &record).ok());
  EXPECT_EQ(record.results(0).tests(0).initialisation(), "transferred");
  ASSERT_EQ(record.model().starts_size(), 1);
  EXPECT_EQ(record.model().starts(0).record_sha256(), Sha256(Read("tuned/fine_tuning.textproto")));
  EXPECT_FALSE(record.model().has_seen_test_texts());
  const TensorFile best = *ParseSafetensors(Read("run/best-1shot.safetensors"), "best");
  for (size_t i = 0; i < opened->params.size(); ++i) {
    const std::string& name = opened->encoder->params()[i].name;
    if (name.find("LayerNorm") == std::string::npos) {  // that of the head is standardised
      EXPECT_TRUE(at::equal(best.Find(name), opened->params[i])) << name;
    }
  }
  EXPECT_EQ(Read("run/seen_texts.txt"), Read("tuned/seen_texts.txt"));

  // A test on the same texts is refused, unless the spec allows it.
  std::vector<std::string> seen = run;
  seen[3] = "$seen";
  Write("more.tsv", absl::StrCat(Words(), absl::StrReplaceAll(Words(), {{"class-", "other-"}, {" ", " more "}})));
  seen.insert(seen.end(), {"--set", "dataset.tsv.path=$more.tsv", "--set",
                           "dataset.split={ lists { train: ['other-0', 'other-1'] valid: ['other-2', 'other-3'] test: "
                           "['class-0', 'class-3'] } }"});
  EXPECT_THAT(Error(seen), AllOf(HasSubstr("the encoder was trained on 36 of the 40 texts of test classes"),
                                 HasSubstr("model.allow_seen_test_texts")));
  seen.insert(seen.end(), {"--set", "model.allow_seen_test_texts={}"});
  const Outcome allowed = Command(seen);
  ASSERT_EQ(allowed.status, 0) << allowed.err;
  EXPECT_THAT(allowed.err, HasSubstr("the encoder was trained on 36 texts of test classes"));
  EXPECT_THAT(Read("seen/record.textproto"), HasSubstr("seen_test_texts: 36"));

  // The opposite direction: a run's encoder is fine-tuned.
  Write("tuned.textproto", absl::StrReplaceAll(kSpec, {{"tokenizer { vocab_size: 80 }\n", ""},
                                                       {"encoder { bert {", "from_run { path: '$run' } #"}}));
  const Outcome again = Tune("again", {"train.epochs=1"});
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_EQ(RecordIn("again").model().starts(0).parameters_sha256(), Sha256(Read("run/best-1shot.safetensors")));

  std::vector<std::string> narrow = run;
  narrow[3] = "$bad";
  narrow.insert(narrow.end(), {"--set", "model.encoder.bert.intermediate=32"});
  EXPECT_THAT(Error(narrow), AllOf(HasSubstr("model.init_from_run: $tuned: its "), HasSubstr("this model's [32")));
}

TEST_F(FineTuningTest, WithoutValidationTheLastParametersAreTaken) {
  ASSERT_EQ(Tune("last", {"texts.valid_share=0", "texts.test_share=0", "train.epochs=2"}).status, 0);
  const FineTuningRecord record = RecordIn("last");
  EXPECT_EQ(record.best_step(), record.trained_steps());
  EXPECT_EQ(record.trained_steps(), 20);
  EXPECT_FALSE(record.has_test() || record.curve(1).has_valid_accuracy());
  EXPECT_THAT(Command({"show", "$last"}).out, HasSubstr("no test texts"));
}

TEST_F(FineTuningTest, PairsHaveASeparatorBetweenTheirTexts) {
  std::string pairs = "label,text,text_b\n";
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(&pairs, i % 2 == 0 ? "same" : "other", ",apple number ", i, ",",
                    i % 2 == 0 ? "apple number " : "bread number ", i, "\n");
  }
  Write("pairs.csv", pairs);
  const std::vector<std::string> sets = {"dataset.csv.path=$pairs.csv", "dataset.csv.text_b_column=text_b",
                                         "max_tokens=8", "train.epochs=1", "tokenizer.vocab_size=64"};
  const Outcome tuned = Tune("pairs", sets);
  ASSERT_EQ(tuned.status, 0) << tuned.err;
  EXPECT_GT(RecordIn("pairs").texts().cut_texts(), 0);
  std::vector<std::string> one = sets;
  one.push_back("texts.test.tsv.path=$words.tsv");
  EXPECT_EQ(TuneError(one), "texts.test: an example of words.tsv has 1 texts, one of dataset 2");
}

TEST_F(FineTuningTest, ErrorsNameTheField) {
  EXPECT_EQ(TuneError({"read=LAST"}), "--set read: 'LAST' is none of FIRST, MEAN, MASK");
  EXPECT_EQ(TuneError({"name=a/b"}), "$tuned.textproto: name is 'a/b'; it may contain only letters, digits, - and _");
  EXPECT_EQ(TuneError({"texts.valid_share=0.6", "texts.test_share=0.6"}),
            "$tuned.textproto: texts.valid_share is 0.6 and texts.test_share 0.6; their sum must be below 1, the texts "
            "that train are the rest");
  EXPECT_EQ(TuneError({"template={text} : {mask}"}), "$tuned.textproto: template is set; it is for read: MASK");
  EXPECT_EQ(TuneError({"read=MASK", "template={text} <soft> {mask}"}),
            "$tuned.textproto: template has <soft>; it takes words, {text} and {mask} only");
  EXPECT_EQ(TuneError({"read=MASK", "template={text}"}),
            "$tuned.textproto: template: {mask} must occur once; it occurs 0 times");
  EXPECT_EQ(TuneError({"from_run.path=x"}), "$tuned.textproto: encoder and from_run are set; set one of them");
  EXPECT_EQ(TuneError({"encoder.bert.heads=3"}),
            "$tuned.textproto: encoder.bert.width is 16; it must be a multiple of heads, 3");
  EXPECT_THAT(TuneError({"encoder.bert.layers=96", "encoder.bert.width=16384", "encoder.bert.intermediate=65536"}),
              HasSubstr("and this process can have"));
  EXPECT_EQ(TuneError({"max_tokens=2"}), "max_tokens is 2; with the 2 special tokens of every input it must be >= 3");
  EXPECT_EQ(TuneError({"texts.valid_share=0", "train.patience=1"}),
            "$tuned.textproto: train.patience is 1; texts.valid_share is 0, and nothing validates");
  EXPECT_EQ(TuneError({"tokenizer.vocab_size=5000"}).substr(0, 34), "tokenizer.vocab_size is 5000; sent");
  EXPECT_EQ(Command({"finetune", "$tuned.textproto", "--check"}).status, 0);
  EXPECT_EQ(Error({"finetune", "$tuned.textproto", "--check", "--set", "texts.test.tsv.path=$none.tsv"}),
            "$tuned.textproto: $none.tsv: No such file or directory");
  Write("test.tsv", "class-7\ttext\n");
  EXPECT_EQ(TuneError({"texts.test.tsv.path=$test.tsv"}),
            "texts.test: no text of dataset has the label 'class-7', which test.tsv has");
  Write("words.tsv", "one\ta b c\n");
  EXPECT_EQ(TuneError({}), "dataset: a classifier needs two classes or more; there are 1");
  Write("words.tsv", "one\ta\none\tb\ntwo\ta\n");
  EXPECT_THAT(TuneError({"texts.test_share=0.5"}), HasSubstr("texts: no text is left for training the class 'two'"));
}

}  // namespace
}  // namespace metaprompt

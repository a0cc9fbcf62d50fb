// Answers scored as sequences, calibration and in-context learning, with tiny causal models: compared with the numbers
// of transformers (tests/goldens/encoders) and with explicit formulas.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/papers/in_context.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/answer_paths.h"
#include "metaprompt/prompts/pack_texts.h"
#include "metaprompt/prompts/verbalizer.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

using Ids = std::vector<int64_t>;

ModelSpec Spec(SequenceSpec::Reduce reduce, int prefix = 0) {
  ModelSpec spec;
  spec.mutable_verbalizer()->set_kind(VerbalizerSpec::SEQUENCE);
  spec.mutable_verbalizer()->mutable_sequence()->set_reduce(reduce);
  spec.mutable_prompt()->set_prefix_length(prefix);
  return spec;
}

PromptedText TextOf(Ids ids) {
  const auto last = static_cast<int64_t>(ids.size()) - 1;
  return {std::move(ids), last};
}

class AnswerScoresTest : public testing::TestWithParam<std::string> {
 protected:
  AnswerScoresTest()
      : folder_(absl::StrCat(kEncoderGoldens, GetParam())),
        checkpoint_(*OpenCheckpoint(folder_, /*allow_unknown=*/false)),
        tokenizer_(MakeTokenizer(*ReadTokenizerFiles(folder_), folder_).value()) {}

  // The score of one answer by the encoder alone: reads the text followed by the answer, and combines the probabilities
  // of the answer's tokens.
  double Plain(const Ids& text, const Ids& answer, SequenceSpec::Reduce reduce) const {
    const at::NoGradGuard no_grad;
    const Encoder& encoder = *checkpoint_.encoder;
    Ids all = text;
    all.insert(all.end(), answer.begin(), answer.end());
    const TextInputs inputs = PackTexts({TextOf(all)}, Answers());
    const at::Tensor states =
        encoder.States(checkpoint_.params, inputs, encoder.Embedded(checkpoint_.params, {}, inputs));
    const at::Tensor chances = at::log_softmax(
        encoder.VocabularyLogits(checkpoint_.params, encoder.Transformed(checkpoint_.params, states)), -1);
    double sum = 0;
    for (size_t k = 0; k < answer.size(); ++k) {
      sum += chances[static_cast<int64_t>(text.size() + k) - 1][answer[k]].item<double>();
    }
    return reduce == SequenceSpec::MEAN ? sum / static_cast<double>(answer.size()) : sum;
  }

  const std::string folder_;
  const Checkpoint checkpoint_;
  const std::unique_ptr<Tokenizer> tokenizer_;
};

TEST_P(AnswerScoresTest, AreThoseOfTransformers) {
  const at::NoGradGuard no_grad;
  const std::string path = folder_ + "/expected.safetensors";
  const TensorFile expected = *ParseSafetensors(*ReadFile(path), path);
  std::vector<Ids> answers;
  for (const char* answer : {"cat", "the dog", "small  world", "it", "the cat on the mat"}) {
    answers.push_back(AnswerIds(Spec(SequenceSpec::SUM).verbalizer(), *tokenizer_, "", answer).value());
  }
  EXPECT_EQ(FirstSameAnswers(Spec(SequenceSpec::SUM).verbalizer(), answers), std::nullopt);
  std::vector<PromptedText> texts;
  for (int64_t b = 0; b < expected.Find("lengths").size(0); ++b) {
    const at::Tensor ids = expected.Find("input_ids")[b].narrow(0, 0, expected.Find("lengths")[b].item<int64_t>());
    texts.push_back(TextOf({ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.size(0)}));
  }
  const PromptModel model(Spec(SequenceSpec::SUM), *checkpoint_.encoder, 0);
  const ParamList params = model.WithSoftPrompt(checkpoint_.params, 1);
  const auto logits = [&](const std::vector<PromptedText>& some) {
    return model.Forward(params, PackBatch(some, Ids(some.size(), 0), PackAnswers(answers, at::kFloat))).logits;
  };
  const at::Tensor together = logits(texts);
  const double largest = MaxDifference(together, expected.Find("answers"));
  RecordProperty("largest_difference", absl::StrCat(largest));
  EXPECT_LT(largest, 1e-5);
  for (size_t b = 0; b < texts.size(); ++b) {
    EXPECT_LT(MaxDifference(logits({texts[b]})[0], expected.Find("answers")[static_cast<int64_t>(b)]), 1e-5);
  }
}

// For two tasks with different answers, in the shape that learners use, with both ways of reducing, and with few
// inputs: the common beginnings of answers are computed once.
TEST_P(AnswerScoresTest, AreTheFormulaForEachTaskAndContext) {
  const at::NoGradGuard no_grad;
  const std::vector<Ids> answers = {{5}, {6, 7}, {6, 7, 8, 9}, {6, 8, 3}, {4}, {5}};  // of two tasks
  std::vector<PromptedText> texts;
  Random random(3);
  for (const size_t length : {3, 1, 7, 4}) {
    Ids ids;
    for (size_t k = 0; k < length; ++k) {
      ids.push_back(static_cast<int64_t>(random.Below(40)));
    }
    texts.push_back(TextOf(ids));
  }
  for (const Ids& context : {Ids(), Ids{1, 2, 3, 4}}) {
    for (const SequenceSpec::Reduce reduce : {SequenceSpec::SUM, SequenceSpec::MEAN}) {
      const PromptModel model(Spec(reduce), *checkpoint_.encoder, 0);
      const ParamList params = model.WithSoftPrompt(checkpoint_.params, 1);
      Answers packed = PackAnswers(answers, at::kFloat);
      packed.context = context.empty() ? at::Tensor() : at::tensor(at::ArrayRef<int64_t>(context), at::kLong);
      Batch batch = PackBatch(texts, Ids(6, 0), packed, Ids{1, 0, 1, 3, 2, 2});  // six rows of four texts
      batch.tasks = 2;
      batch.ways = 3;
      const ModelOutput output = model.Forward(params, batch);
      ASSERT_EQ(output.logits.sizes(), at::IntArrayRef({6, 3}));
      EXPECT_TRUE(model.ClassHead(params, batch).empty());
      EXPECT_EQ(model.head_width(), 0);
      EXPECT_EQ(model.CacheBelow(params, batch, 1).cached, nullptr);
      for (int64_t r = 0; r < 6; ++r) {
        Ids text = context;
        const Ids& own = texts[static_cast<size_t>(batch.repeats[r].item<int64_t>())].ids;
        text.insert(text.end(), own.begin(), own.end());
        for (int64_t w = 0; w < 3; ++w) {
          EXPECT_NEAR(output.logits[r][w].item<double>(),
                      Plain(text, answers[static_cast<size_t>(r < 3 ? w : 3 + w)], reduce), 2e-5)
              << "row " << r << ", way " << w;
        }
      }
    }
  }
  Batch one = PackBatch({texts[0]}, {0}, PackAnswers({answers[0], answers[1], answers[2], answers[3]}, at::kFloat));
  const AnswerPaths paths = PathsOf(TextsOf(one), 1, SequenceSpec::SUM);
  EXPECT_EQ(paths.inputs.size(), 2) << "6 7 8, which begins as 6 7 does, and 6 8";
  EXPECT_EQ(paths.inputs.tokens(), (3 + 3) + (3 + 2));
  EXPECT_EQ(paths.read_from.size(0), 1 + 3 + 2) << "behind the text once, and behind each token of an answer";
  one = PackBatch({texts[0]}, {0}, PackAnswers({{5}, {4}, {3}}, at::kFloat));
  EXPECT_EQ(PathsOf(TextsOf(one), 1, SequenceSpec::SUM).inputs.tokens(), 3) << "answers of one token are not read";
}

// p / p_content_free, normalised (Zhao et al. 2021, section 4), with the mean of two content-free texts.
TEST_P(AnswerScoresTest, CalibrationDividesByTheContentFreeProbabilities) {
  const at::NoGradGuard no_grad;
  const std::vector<PromptedText> free = {TextOf({9, 1}), TextOf({2, 2, 2})};
  const std::vector<PromptedText> texts = {TextOf({3, 4, 5}), TextOf({8, 1})};
  for (const bool sequences : {true, false}) {
    ModelSpec spec = Spec(SequenceSpec::SUM);
    if (!sequences) {
      spec.clear_verbalizer();
    }
    PromptModel model(spec, *checkpoint_.encoder, 0);
    const ParamList params = model.WithSoftPrompt(checkpoint_.params, 1);
    const auto batch = [](const std::vector<PromptedText>& some) {
      return PackBatch(some, Ids(some.size(), 0), PackAnswers({{5}, {6, 7}, {3, 4, 8}}, at::kFloat));
    };
    const at::Tensor plain = at::softmax(model.Forward(params, batch(texts)).logits, -1);
    const at::Tensor prior = at::softmax(model.Forward(params, batch(free)).logits, -1).mean(0);
    const double bytes = model.GraphBytes(batch(texts));
    model.set_content_free(free);
    const at::Tensor ratio = plain / prior;
    EXPECT_LT(MaxDifference(at::softmax(model.Forward(params, batch(texts)).logits, -1),
                            ratio / ratio.sum(-1, /*keepdim=*/true)),
              1e-5);
    EXPECT_GT(MaxDifference(plain, at::softmax(model.Forward(params, batch(texts)).logits, -1)), 1e-3);
    EXPECT_GT(model.GraphBytes(batch(texts)), bytes);
    EXPECT_EQ(model.CacheBelow(params, batch(texts), 1).cached, nullptr);
  }
}

TEST_P(AnswerScoresTest, TheSupportSetStandsBeforeTheQuery) {
  const at::NoGradGuard no_grad;
  const PromptModel model(Spec(SequenceSpec::SUM), *checkpoint_.encoder, 0);
  const ParamList params = model.WithSoftPrompt(checkpoint_.params, 1);
  const std::vector<Ids> answers = {{5}, {6, 7}};
  Answers packed = PackAnswers(answers, at::kFloat);
  packed.separator = at::tensor({11, 12}, at::kLong);
  const std::vector<PromptedText> support = {TextOf({1, 2}), TextOf({3}), TextOf({4, 4, 4})};
  Batch batch = PackBatch(support, {0, 1, 1}, packed);
  batch.seed = 5;
  const InContext learner{LearnerSpec()};
  const AdaptedParams adapted = learner.Adapt(model, params, batch);
  ASSERT_EQ(adapted.fitted.size(), 1U);
  const at::Tensor& context = adapted.fitted[0];
  const Ids found(context.data_ptr<int64_t>(), context.data_ptr<int64_t>() + context.size(0));
  const std::vector<Ids> each = {{1, 2, 5, 11, 12}, {3, 6, 7, 11, 12}, {4, 4, 4, 6, 7, 11, 12}};
  std::vector<Ids> orders;
  for (const std::vector<size_t>& order :
       std::vector<std::vector<size_t>>{{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}}) {
    orders.emplace_back();
    for (const size_t i : order) {
      orders.back().insert(orders.back().end(), each[i].begin(), each[i].end());
    }
  }
  EXPECT_THAT(orders, testing::Contains(found));
  bool another = false;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    batch.seed = seed;
    another = another || !at::equal(learner.Adapt(model, params, batch).fitted[0], context);
  }
  EXPECT_TRUE(another) << "the order follows from the seed";

  const std::vector<PromptedText> queries = {TextOf({8, 9}), TextOf({10})};
  const at::Tensor logits = learner.Logits(model, adapted, PackBatch(queries, {0, 0}, packed));
  for (int64_t b = 0; b < 2; ++b) {
    Ids text = found;
    text.insert(text.end(), queries[static_cast<size_t>(b)].ids.begin(), queries[static_cast<size_t>(b)].ids.end());
    for (int64_t w = 0; w < 2; ++w) {
      EXPECT_NEAR(logits[b][w].item<double>(), Plain(text, answers[static_cast<size_t>(w)], SequenceSpec::SUM), 2e-5);
    }
  }
  // Read in several batches of at most 4,096 tokens each: the numbers of a text are the same as alone.
  const std::vector<Ids> beginnings = {{5, 1}, {6, 7}, {8, 9}};
  Answers longer = PackAnswers(beginnings, at::kFloat);
  AdaptedParams shots = adapted;
  shots.fitted = {at::arange(200, at::kLong).remainder(20)};
  std::vector<PromptedText> many;
  for (int64_t i = 0; i < 15; ++i) {
    many.push_back(TextOf(Ids(static_cast<size_t>(3 + i % 3), 20 + i % 7)));
  }
  const at::Tensor of_many = learner.Logits(model, shots, PackBatch(many, Ids(15, 0), longer));
  for (size_t b : {0U, 8U, 14U}) {
    EXPECT_LT(MaxDifference(learner.Logits(model, shots, PackBatch({many[b]}, {0}, longer))[0],
                            of_many[static_cast<int64_t>(b)]),
              2e-5);
  }
  longer.context = shots.fitted[0];
  const Batch all = PackBatch(many, Ids(15, 0), longer);
  EXPECT_EQ(model.ScoredAtOnce(all), 4096 / (3 * (200 + 5 + 1))) << "three beginnings of one token, behind each text";
  EXPECT_EQ(model.ScoredAtOnce(PackBatch(many, Ids(15, 0), PackAnswers(beginnings, at::kFloat))), 15);
  // An input with more tokens than the model has positions is an error.
  const Batch too_long = PackBatch({TextOf(Ids(300, 1))}, {0}, packed);
  EXPECT_THROW(model.Forward(params, too_long), c10::Error);
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, AnswerScoresTest, testing::ValuesIn(CausalGoldens()), GoldenTestName);

TEST(AnswerIdsTest, AnAnswerIsOneSequence) {
  const std::string folder = absl::StrCat(kEncoderGoldens, "gpt2");
  const std::unique_ptr<Tokenizer> tokenizer = MakeTokenizer(*ReadTokenizerFiles(folder), folder).value();
  VerbalizerSpec spec = Spec(SequenceSpec::SUM).verbalizer();
  EXPECT_EQ(AnswerIds(spec, *tokenizer, "x", "the dog").value(), tokenizer->Encode(" the dog"));
  AnswerSpec& answer = *spec.add_answers();
  answer.set_label("x");
  answer.add_words("small cat");
  EXPECT_EQ(AnswerIds(spec, *tokenizer, "x", "the dog").value(), tokenizer->Encode(" small cat"));
  EXPECT_EQ(AnswerIds(spec, *tokenizer, "y", " ").status().message(), "class ' ': its answer contains no word");
  spec.mutable_sequence()->set_max_tokens(1);
  EXPECT_THAT(std::string(AnswerIds(spec, *tokenizer, "x", "the dog").status().message()),
              testing::MatchesRegex("class 'the dog': its answer has [0-9]+ tokens; "
                                    "model.verbalizer.sequence.max_tokens is 1"));
  answer.add_words("dog");
  EXPECT_EQ(
      AnswerIds(spec, *tokenizer, "x", "the dog").status().message(),
      "model.verbalizer.answers: the label 'x' has 2 answers; with model.verbalizer.kind SEQUENCE a class has one");
  // The same tokens in another order are different answers.
  EXPECT_EQ(FirstSameAnswers(spec, {{1, 2}, {2, 1}}), std::nullopt);
  EXPECT_TRUE(FirstSameAnswers(VerbalizerSpec(), {{1, 2}, {2, 1}}).has_value());
  EXPECT_EQ(SeparatorIds(spec, *tokenizer), tokenizer->Encode("\n"));
  EXPECT_TRUE(SeparatorIds(VerbalizerSpec(), *tokenizer).empty());
}

}  // namespace
}  // namespace metaprompt

// The losses of pre-training: masks, values compared with transformers, gradients compared with differences, and data
// whose optimum is known.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "experiments/pretraining/corpus.h"
#include "experiments/pretraining/masked_language.h"
#include "experiments/pretraining/masking.h"
#include "experiments/pretraining/pretraining.pb.h"
#include "experiments/pretraining/pretraining_objective.h"
#include "experiments/pretraining/text_pairs.h"
#include "experiments/training/training_step.h"
#include "learners/inner/gradients.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/specs/spec_fields.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"
#include "tests/helpers/one_thread.h"
#include "tests/helpers/param_lists.h"

namespace metaprompt {
namespace {

constexpr char kBert[] = "tests/goldens/encoders/bert";

const Tokenizer& GoldenTokenizer() {
  static const auto* const tokenizer =
      new std::unique_ptr<Tokenizer>(*MakeTokenizer(*ReadTokenizerFiles(kBert), kBert));
  return **tokenizer;
}

const Checkpoint& Golden() {
  static const auto* const checkpoint = new Checkpoint(*OpenCheckpoint(kBert, false));
  return *checkpoint;
}

ParamList InDouble(const ParamList& params) {
  ParamList doubles;
  for (const at::Tensor& param : params) {
    doubles.push_back(param.to(at::kDouble));
  }
  return doubles;
}

std::vector<int32_t> Framed(const std::string& text) {
  const Tokenizer& tokenizer = GoldenTokenizer();
  std::vector<int32_t> ids = {static_cast<int32_t>(tokenizer.special().cls)};
  for (const int64_t id : tokenizer.Encode(text)) {
    ids.push_back(static_cast<int32_t>(id));
  }
  ids.push_back(static_cast<int32_t>(tokenizer.special().sep));
  return ids;
}

TEST(MaskingTest, PredictsTheShareAndReplacesAsBertDoes) {
  MaskedSpec spec;
  const Masking masking(spec, GoldenTokenizer());
  std::vector<int32_t> ids(42, 20);
  ids.front() = static_cast<int32_t>(GoldenTokenizer().special().cls);
  ids.back() = static_cast<int32_t>(GoldenTokenizer().special().sep);
  std::map<std::string, int> kinds;
  std::vector<int> chosen(ids.size());
  const int64_t mask = GoldenTokenizer().special().mask;
  for (uint64_t i = 0; i < 4000; ++i) {
    Random random(i);
    const MaskedTokens masked = masking.Apply(ids, &random);
    ASSERT_EQ(masked.places.size(), 6U);  // 15 % of 40
    for (size_t k = 0; k < masked.places.size(); ++k) {
      const int64_t seen = masked.ids[static_cast<size_t>(masked.places[k])];
      EXPECT_EQ(masked.labels[k], 20);
      ++chosen[static_cast<size_t>(masked.places[k])];
      ++kinds[seen == mask ? "mask" : seen == 20 ? "same" : "random"];
    }
  }
  // 24,000 draws: four standard deviations are 0.0103, 0.0077 and 0.0077. A random piece equals the original in 1 of 78
  // cases.
  EXPECT_NEAR(kinds["mask"] / 24000.0, 0.8 + 0.1 / 78, 0.0104);
  EXPECT_NEAR(kinds["same"] / 24000.0, 0.1 + 0.1 / 78, 0.0078);
  EXPECT_NEAR(kinds["random"] / 24000.0, 0.1 - 0.2 / 78, 0.0078);
  EXPECT_EQ(chosen.front(), 0);
  EXPECT_EQ(chosen.back(), 0);
  for (size_t i = 1; i + 1 < chosen.size(); ++i) {
    EXPECT_NEAR(chosen[i], 600, 91) << i;  // four standard deviations of a binomial of 4000 and 0.15
  }
}

TEST(MaskingTest, WholeWordsArePredictedWholeAndTheRestStays) {
  MaskedSpec spec;
  spec.set_whole_words(true);
  spec.set_share(0.3);
  spec.set_as_mask(1);
  spec.set_as_random(0);
  const Masking masking(spec, GoldenTokenizer());
  ASSERT_TRUE(masking.marks_words());
  const std::vector<int32_t> ids = Framed("the old library has a new editor");
  for (uint64_t i = 0; i < 50; ++i) {
    Random random(i);
    const MaskedTokens masked = masking.Apply(ids, &random);
    ASSERT_FALSE(masked.places.empty());
    for (size_t at = 1; at + 1 < ids.size(); ++at) {
      const bool continues = GoldenTokenizer().Piece(ids[at]).substr(0, 2) == "##";
      const bool is_mask = masked.ids[at] == GoldenTokenizer().special().mask;
      EXPECT_TRUE(is_mask || masked.ids[at] == ids[at]);
      if (continues) {
        EXPECT_EQ(is_mask, masked.ids[at - 1] == GoldenTokenizer().special().mask) << at;
      }
    }
  }
  Random random(1);
  const std::vector<int32_t> nothing = {ids.front(), ids.back()};
  EXPECT_TRUE(masking.Apply(nothing, &random).places.empty());
}

// The sum of -log p(token) with each token masked by itself, in float64. Expected: transformers 5.24 and torch 2.15.
TEST(MaskedLanguageTest, LossOfAGoldenCheckpointIsThatOfTransformers) {
  const Masking masking(MaskedSpec(), GoldenTokenizer());
  const struct {
    const char* text;
    int64_t tokens;
    double loss;
  } kExpected[] = {{"the old library has a new editor", 24, 148.836864134},
                   {"music for the network", 16, 81.541163027}};
  for (const auto& expected : kExpected) {
    const std::vector<int32_t> ids = Framed(expected.text);
    std::vector<MaskedTokens> inputs;
    for (size_t place = 1; place + 1 < ids.size(); ++place) {
      inputs.push_back(masking.MaskOne(ids, static_cast<int64_t>(place)));
    }
    const MaskedBatch batch = PackMasked(inputs, at::kCPU);
    ASSERT_EQ(batch.predicted(), expected.tokens) << expected.text;
    const MaskedLoss exact = LossOfMasked(*Golden().encoder, InDouble(Golden().params), batch, {}, false);
    EXPECT_NEAR(exact.sum.item<double>(), expected.loss, 1e-5) << expected.text;
    const MaskedLoss in_float = LossOfMasked(*Golden().encoder, Golden().params, batch, {}, false);
    EXPECT_NEAR(in_float.sum.item<double>() / expected.loss, 1, 1e-5) << expected.text;
  }
}

// Expects that the gradient of `loss` at the golden parameters is the slope along a random direction.
template <typename Loss>
void ExpectGradient(const Loss& loss) {
  const ParamList params = InDouble(Golden().params);
  const ParamList leaves = Leaves(params, std::vector<bool>(params.size(), true));
  const ParamList grads = Gradients({loss(leaves)}, leaves, {}, false, false);
  Random random(3);
  ParamList direction;
  for (const at::Tensor& param : params) {
    direction.push_back(Unit(RandomTensor(param.sizes(), &random)) * 0.3);
  }
  const auto slope =
      Difference<double>(params, direction, [&](const ParamList& at) { return loss(at).template item<double>(); });
  EXPECT_NEAR(Dot(grads, direction), slope, 1e-6 * std::abs(slope));
  EXPECT_GT(std::abs(slope), 1e-3);
}

TEST(MaskedLanguageTest, GradientIsThatOfDifferencesWithDropoutToo) {
  const Masking masking(MaskedSpec(), GoldenTokenizer());
  std::vector<MaskedTokens> inputs;
  for (const char* const text : {"the old library has a new editor", "music for the network", "a game"}) {
    Random random(inputs.size());
    inputs.push_back(masking.Apply(Framed(text), &random));
  }
  const MaskedBatch batch = PackMasked(inputs, at::kCPU);
  for (const double rate : {0.0, 0.2}) {
    ExpectGradient([&](const ParamList& params) {
      return LossOfMasked(*Golden().encoder, params, batch, {rate, rate, 7}, false).sum;
    });
  }
}

// A spec with only the loss of pairs, in the given number of parts.
PretrainingSpec PairsSpecWith(int parts, double dropout) {
  PretrainingSpec spec;
  EXPECT_TRUE(
      ParseSpec(absl::StrCat("name: \"pairs\" seed: 3 corpus { valid_share: 0.2 } pairs { batch: 12 temperature: 0.2 }"
                             " dropout { hidden: ",
                             dropout, " attention: ", dropout, " } train { parts: ", parts, " }"),
                "pairs", &spec)
          .ok());
  return spec;
}

Corpus PairsCorpus(const PretrainingSpec& spec) {
  CorpusTexts texts;
  for (const char* const a : {"music", "the game", "a network", "old", "a cat", "library"}) {
    for (const char* const b : {"for", "new", "editor of", "on it", "world"}) {
      texts.pairs.emplace_back(absl::StrCat(a, " ", b), absl::StrCat(b, " the ", a));
    }
  }
  return *MakeCorpus(spec, texts, GoldenTokenizer(), 40);
}

struct StepOfPairs {
  double loss = 0;
  double found = 0;
  ParamList grads;
};

// Computes step 1 at `params`, part by part.
StepOfPairs PairsStep(const PretrainingSpec& spec, const Corpus& corpus, const ParamList& params) {
  PretrainingObjective objective(spec, Golden().encoder.get(), GoldenTokenizer(), &corpus, at::kCPU);
  const TrainingBatch batch = objective.Batch(1);
  for (const auto& one : batch.before) {
    const at::NoGradGuard no_grad;
    one(params);
  }
  StepOfPairs step;
  step.grads.resize(params.size());
  for (const auto& part : batch.parts) {
    const ParamList leaves = Leaves(params, std::vector<bool>(params.size(), true));
    const PartLoss loss = part(leaves);
    step.loss += loss.loss.item<double>();
    step.found += loss.correct;
    const ParamList grads = Gradients({loss.loss}, leaves, {}, false, false);
    for (size_t i = 0; i < grads.size(); ++i) {
      Add(grads[i], &step.grads[i]);
    }
  }
  EXPECT_EQ(batch.counted, 12);
  return step;
}

TEST(TextPairsTest, ABatchInPartsHasTheLossAndTheGradientOfTheWhole) {
  const ParamList params = InDouble(Golden().params);
  const Corpus corpus = PairsCorpus(PairsSpecWith(1, 0));
  const StepOfPairs whole = PairsStep(PairsSpecWith(1, 0), corpus, params);
  EXPECT_GT(whole.loss, 0.1);
  for (const int parts : {2, 5, 50}) {
    const StepOfPairs of_parts = PairsStep(PairsSpecWith(parts, 0), corpus, params);
    EXPECT_NEAR(of_parts.loss, whole.loss, 1e-12) << parts;
    EXPECT_EQ(of_parts.found, whole.found) << parts;
    for (size_t i = 0; i < params.size(); ++i) {
      ASSERT_EQ(of_parts.grads[i].defined(), whole.grads[i].defined());
      if (whole.grads[i].defined()) {
        EXPECT_LT(MaxDifference(of_parts.grads[i], whole.grads[i]), 1e-12) << Golden().encoder->params()[i].name;
      }
    }
  }
}

TEST(TextPairsTest, GradientIsThatOfDifferencesWithDropoutToo) {
  const ParamList params = InDouble(Golden().params);
  for (const double rate : {0.0, 0.2}) {
    for (const int parts : {1, 3}) {
      const PretrainingSpec spec = PairsSpecWith(parts, rate);
      const Corpus corpus = PairsCorpus(spec);
      const StepOfPairs step = PairsStep(spec, corpus, params);
      Random random(3);
      ParamList direction;
      for (const at::Tensor& param : params) {
        direction.push_back(Unit(RandomTensor(param.sizes(), &random)) * 0.3);
      }
      const auto slope =
          Difference<double>(params, direction, [&](const ParamList& at) { return PairsStep(spec, corpus, at).loss; });
      EXPECT_NEAR(Dot(step.grads, direction), slope, 1e-6 * std::abs(slope)) << rate << " " << parts;
      EXPECT_GT(std::abs(slope), 1e-4);
    }
  }
}

TEST(TextPairsTest, EqualTextsAreNotContrasted) {
  // If all vectors are equal, all logits are equal: the loss is log 3 per pair, or log 2 or 0 with fewer contrasted
  // pairs.
  const at::Tensor same = at::ones({3, 1}, at::kDouble);
  const at::Tensor apart = at::arange(3, at::kLong);
  const auto loss = [&](const at::Tensor& first, const at::Tensor& second) {
    return LossOfPairs({same, same, first, second}, 0.2).each.sum().item<double>();
  };
  EXPECT_NEAR(loss(apart, apart), 3 * std::log(3.0), 1e-9);
  EXPECT_NEAR(loss(at::tensor({0, 0, 1}, at::kLong), apart), std::log(2.0) * 2 + std::log(3.0), 1e-9);
  EXPECT_NEAR(loss(at::zeros({3}, at::kLong), apart), 0, 1e-9);
}

// Each input is one masked word: "a" in one of four cases, and otherwise "b". No input tells which, so the best loss of
// any network is the entropy of (1/4, 3/4).
TEST(MaskedLanguageTest, LearnsTheKnownOptimumOfAClosedWorld) {
  BertSpec bert;
  bert.set_layers(1);
  bert.set_width(8);
  bert.set_heads(2);
  bert.set_intermediate(16);
  bert.set_max_positions(8);
  const int64_t vocab = GoldenTokenizer().vocab_size();
  const Encoder encoder(BertConfig(bert, vocab), /*with_head=*/true);
  LearnerState state = StartLearning(InitialBert(bert, encoder.layout(), 3));
  const Masking masking(MaskedSpec(), GoldenTokenizer());
  const auto batch_of = [&](int part) {
    std::vector<MaskedTokens> inputs;
    for (int i = 0; i < 8; ++i) {
      inputs.push_back(masking.MaskOne(Framed(part == 0 ? "a" : "b"), 1));
    }
    return PackMasked(inputs, at::kCPU);
  };
  TrainingBatch batch;
  for (int part = 0; part < 4; ++part) {
    const MaskedBatch packed = batch_of(part);
    batch.parts.emplace_back([&encoder, packed](const ParamList& params) {
      const MaskedLoss loss = LossOfMasked(encoder, params, packed, {}, false);
      return PartLoss{loss.sum / 32, static_cast<double>(loss.correct)};
    });
  }
  batch.counted = 32;
  OptimizerSpec optimizer;
  optimizer.set_lr(0.02);
  optimizer.set_weight_decay(0);
  TaskPool pool(1);
  TrainingStats stats;
  for (int step = 0; step < 300; ++step) {
    const absl::StatusOr<TrainingStats> stepped = TrainingStep(optimizer, encoder.params(), 300, batch, &pool, &state);
    ASSERT_TRUE(stepped.ok()) << stepped.status();
    stats = *stepped;
  }
  const double entropy = -(0.25 * std::log(0.25) + 0.75 * std::log(0.75));
  EXPECT_NEAR(stats.loss, entropy, 2e-3);
  EXPECT_EQ(stats.correct, 24);
}

}  // namespace
}  // namespace metaprompt

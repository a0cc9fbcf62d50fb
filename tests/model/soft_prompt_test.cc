// Soft vectors, and the networks that they pass through compared with LibTorch's LSTM; their initial values; the
// templates of Hou et al. 2022.
#include "metaprompt/prompts/soft_prompt.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/differences.h"

namespace metaprompt {
namespace {

constexpr int64_t kWidth = 8;

PromptSpec SpecOf(PromptSpec::Reparametrisation reparametrisation, int units = 0) {
  PromptSpec spec;
  spec.set_lstm_units(units);
  spec.set_reparametrisation(reparametrisation);
  return spec;
}

ParamList RandomParams(const SoftPrompt& prompt, uint64_t seed) {
  Random random(seed);
  ParamList params;
  for (const ParamInfo& info : prompt.params()) {
    params.push_back(RandomTensor(info.shape, &random) * 0.7);
  }
  return params;
}

// The same with LibTorch's LSTM, which takes its weights in the order of this class's names; [S, E] for one task.
at::Tensor Reference(const SoftPrompt& prompt, const ParamList& params) {
  std::map<std::string, at::Tensor> p;
  for (size_t i = 0; i < params.size(); ++i) {
    p[prompt.params()[i].name] = params[i];
  }
  at::Tensor x = p.at("prompt.soft");
  if (p.count("prompt.lstm.weight_ih_l0") > 0) {
    ParamList weights;
    for (const char* layer : {"_l0", "_l0_reverse", "_l1", "_l1_reverse"}) {
      for (const char* what : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
        weights.push_back(p.at(absl::StrCat("prompt.lstm.", what, layer)));
      }
    }
    const at::Tensor zero = at::zeros({4, 1, p.at("prompt.lstm.weight_hh_l0").size(1)}, at::kDouble);
    x = std::get<0>(at::lstm(x.unsqueeze(0), {zero, zero}, weights, /*has_biases=*/true, /*num_layers=*/2,
                             /*dropout=*/0, /*train=*/true, /*bidirectional=*/true, /*batch_first=*/true))
            .squeeze(0);
  }
  if (p.count("prompt.mlp.0.weight") > 0) {
    x = (x.matmul(p.at("prompt.mlp.0.weight").t()) + p.at("prompt.mlp.0.bias")).clamp_min(0);
    x = x.matmul(p.at("prompt.mlp.2.weight").t()) + p.at("prompt.mlp.2.bias");
  }
  return x;
}

TEST(SoftPromptTest, VectorsAndGradientsAreThoseOfLibTorchsLstm) {
  const std::vector<PromptSpec> specs = {SpecOf(PromptSpec::PLAIN), SpecOf(PromptSpec::MLP),
                                         SpecOf(PromptSpec::LSTM_MLP), SpecOf(PromptSpec::LSTM_MLP, kWidth)};
  for (const PromptSpec& spec : specs) {
    for (const int64_t count : {1, 2, 5}) {
      SCOPED_TRACE(absl::StrCat(spec.ShortDebugString(), " of ", count));
      const PromptSpec::Reparametrisation reparametrisation = spec.reparametrisation();
      const SoftPrompt prompt(spec, count, kWidth);
      const size_t lstm = reparametrisation == PromptSpec::LSTM_MLP ? 16 : 0;
      EXPECT_EQ(prompt.params().size(), 1 + lstm + (reparametrisation == PromptSpec::PLAIN ? 0 : 4));
      const ParamList ours = WithGraph(RandomParams(prompt, 3));
      const ParamList theirs = WithGraph(ours);
      const at::Tensor vectors = prompt.Vectors(ours);
      const at::Tensor expected = Reference(prompt, theirs);
      ASSERT_EQ(vectors.sizes(), at::IntArrayRef({count, kWidth}));
      EXPECT_LT(MaxDifference(vectors, expected), 1e-12);
      const ParamList a = torch::autograd::grad({vectors.pow(3).sum()}, ours, {}, false, false, true);
      const ParamList b = torch::autograd::grad({expected.pow(3).sum()}, theirs, {}, false, false, true);
      for (size_t i = 0; i < a.size(); ++i) {
        const std::string& name = prompt.params()[i].name;
        // With only one vector, no hidden state is passed on, because the first one is 0.
        EXPECT_EQ(a[i].defined(), count > 1 || !absl::StrContains(name, "weight_hh")) << name;
        EXPECT_LT(MaxDifference(a[i].defined() ? a[i] : at::zeros_like(b[i]), b[i]), 1e-11) << name;
      }
    }
  }
  EXPECT_EQ(SoftPrompt(SpecOf(PromptSpec::LSTM_MLP), 0, kWidth).params().size(), 1U) << "nothing to pass through it";
}

// H v compared with differences of the gradient.
TEST(SoftPromptTest, SecondDerivativesAgreeWithDifferences) {
  const SoftPrompt prompt(SpecOf(PromptSpec::LSTM_MLP), 3, kWidth);
  const ParamList params = RandomParams(prompt, 5);
  Random random(6);
  ParamList direction;
  for (const at::Tensor& param : params) {
    direction.push_back(Unit(RandomTensor(param.sizes(), &random)));
  }
  const auto gradient = [&](const ParamList& leaves, bool create_graph) {
    return torch::autograd::grad({prompt.Vectors(leaves).pow(3).sum()}, leaves, {}, create_graph, create_graph);
  };
  const ParamList leaves = WithGraph(params);
  const ParamList first = gradient(leaves, true);
  at::Tensor along = at::zeros({}, at::kDouble);
  for (size_t i = 0; i < leaves.size(); ++i) {
    along = along + (first[i] * direction[i]).sum();
  }
  const ParamList second = torch::autograd::grad({along}, leaves);
  const ParamList expected =
      ListDifference(params, direction, [&](const ParamList& at) { return gradient(WithGraph(at), false); });
  for (size_t i = 0; i < second.size(); ++i) {
    const double size = expected[i].norm().item<double>();
    ASSERT_GT(size, 1e-5) << prompt.params()[i].name;
    EXPECT_LT((second[i] - expected[i]).norm().item<double>() / size, 1e-6) << prompt.params()[i].name;
  }
}

TEST(SoftPromptTest, TasksWithValuesOfTheirOwnAreEachWhatTheyAreAlone) {
  const SoftPrompt prompt(SpecOf(PromptSpec::LSTM_MLP), 3, kWidth);
  const std::vector<ParamList> tasks = {RandomParams(prompt, 7), RandomParams(prompt, 8)};
  for (const bool map_too : {false, true}) {
    ParamList both;
    for (size_t i = 0; i < tasks[0].size(); ++i) {
      both.push_back(map_too || i == 0 ? at::stack({tasks[0][i], tasks[1][i]}) : tasks[0][i]);
    }
    const at::Tensor found = prompt.Vectors(both);
    ASSERT_EQ(found.sizes(), at::IntArrayRef({2, 3, kWidth}));
    for (int64_t t = 0; t < 2; ++t) {
      ParamList alone = map_too ? tasks[static_cast<size_t>(t)] : tasks[0];
      alone[0] = tasks[static_cast<size_t>(t)][0];
      EXPECT_LT(MaxDifference(found[t], prompt.Vectors(alone)), 1e-13);
    }
  }
}

// The network of MetaPrompting has as many units per direction as word vectors have numbers.
TEST(SoftPromptTest, LstmUnitsMayBeChosen) {
  const SoftPrompt prompt(SpecOf(PromptSpec::LSTM_MLP, 64), 20, 64);
  std::map<std::string, at::Tensor> of;
  const ParamList initial = prompt.Init(9);
  for (size_t i = 0; i < initial.size(); ++i) {
    of[prompt.params()[i].name] = initial[i];
    ASSERT_EQ(initial[i].sizes(), at::IntArrayRef(prompt.params()[i].shape));
  }
  EXPECT_EQ(of.at("prompt.lstm.weight_ih_l0").sizes(), at::IntArrayRef({256, 64}));
  EXPECT_EQ(of.at("prompt.lstm.weight_ih_l1_reverse").sizes(), at::IntArrayRef({256, 128}));
  EXPECT_EQ(of.at("prompt.mlp.0.weight").sizes(), at::IntArrayRef({64, 128}));
  EXPECT_NEAR(of.at("prompt.mlp.0.weight").abs().max().item<double>(), 1 / std::sqrt(128.0), 2e-4);
  EXPECT_NEAR(of.at("prompt.mlp.2.weight").abs().max().item<double>(), 1 / std::sqrt(64.0), 2e-4);
  EXPECT_NEAR(of.at("prompt.lstm.weight_hh_l0").abs().max().item<double>(), 1 / std::sqrt(64.0), 2e-4);
}

TEST(SoftPromptTest, ItBeginsAsPyTorchsLayersDo) {
  PromptSpec spec = SpecOf(PromptSpec::LSTM_MLP);
  spec.set_init_std(0.5);
  const SoftPrompt prompt(spec, 20, 64);
  const ParamList initial = prompt.Init(9);
  const ParamList again = prompt.Init(9);
  const ParamList other = prompt.Init(10);
  for (size_t i = 0; i < initial.size(); ++i) {
    const ParamInfo& info = prompt.params()[i];
    SCOPED_TRACE(info.name);
    EXPECT_EQ(initial[i].sizes(), at::IntArrayRef(info.shape));
    EXPECT_EQ(initial[i].scalar_type(), at::kFloat);
    EXPECT_TRUE(at::equal(initial[i], again[i]));
    EXPECT_FALSE(at::equal(initial[i], other[i]));
    EXPECT_EQ(info.group, ParamGroup::kPrompt);
    EXPECT_EQ(info.layer, 0);
    EXPECT_FALSE(info.decay);
    EXPECT_EQ(info.prompt_map, i > 0);
    if (i == 0) {
      EXPECT_NEAR(initial[i].std().item<double>(), 0.5, 0.03);
      continue;
    }
    const double bound = 1 / std::sqrt(absl::StrContains(info.name, "lstm") ? 32.0 : 64.0);
    const at::Tensor size = initial[i].abs();
    EXPECT_LE(size.max().item<double>(), bound * (1 + 1e-6));
    EXPECT_GT(size.max().item<double>(), 0.9 * bound);
    EXPECT_NEAR(size.mean().item<double>(), bound / 2, 0.12 * bound);
    EXPECT_NEAR(initial[i].mean().item<double>(), 0, 0.3 * bound);
  }
  // The soft vectors are the same as in a plain prompt.
  spec.set_reparametrisation(PromptSpec::PLAIN);
  EXPECT_TRUE(at::equal(SoftPrompt(spec, 20, 64).Init(9)[0], initial[0]));
  EXPECT_TRUE(CheckPromptWidth(spec, 5).ok());
  spec.set_reparametrisation(PromptSpec::LSTM_MLP);
  EXPECT_TRUE(CheckPromptWidth(spec, 6).ok());
  EXPECT_EQ(CheckPromptWidth(spec, 5).message(),
            "model.prompt.reparametrisation is LSTM_MLP, which needs word vectors of even width, and theirs is 5; set "
            "model.prompt.lstm_units");
  spec.set_lstm_units(5);
  EXPECT_TRUE(CheckPromptWidth(spec, 5).ok());
}

// ---------------------------------------------------------------- templates and words, in BERT's vocabulary

class BertVocabularyTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = "tests/goldens/encoders/bert";
    tokenizer_ = MakeTokenizer(ReadTokenizerFiles(folder).value(), folder).value();
  }

  // The pieces of the prompt for a text, after checks of the number of soft vectors and the position of the mask.
  std::string Apply(const std::string& text) const {
    PromptSpec spec;
    spec.set_template_(text);
    const absl::StatusOr<PromptTemplate> prompt = PromptTemplate::Create(spec, *tokenizer_, 40);
    if (!prompt.ok()) {
      return std::string(prompt.status().message());
    }
    const PromptedText prompted = prompt->Fill(*tokenizer_, "the cat");
    std::string line = absl::StrCat(prompt->num_soft(), " ", prompted.read_at, ":");
    for (const int64_t id : prompted.ids) {
      absl::StrAppend(&line, " ", id < 0 ? absl::StrCat("<", -1 - id, ">") : tokenizer_->Piece(id));
    }
    return line;
  }

  std::unique_ptr<Tokenizer> tokenizer_;
};

// Hou et al. 2022: the soft vector takes the place of "the".
TEST_F(BertVocabularyTest, TheThreeTemplatesOfMetaPrompting) {
  EXPECT_EQ(Apply("{text} , <soft> topic is {mask} ."), "1 7: [CLS] the cat , <0> topic is [MASK] . [SEP]");
  EXPECT_EQ(Apply("{text} . What is <soft> topic ? {mask} ."),
            "1 9: [CLS] the cat . what is <0> topic ? [MASK] . [SEP]");
  EXPECT_EQ(Apply("<soft> topic : {mask} . Input : {text}"), "1 4: [CLS] <0> topic : [MASK] . input : the cat [SEP]");
}

TEST_F(BertVocabularyTest, InitialWords) {
  const auto words = [&](const std::string& text, int64_t num_soft) {
    PromptSpec spec;
    spec.set_init_words(text);
    const absl::StatusOr<std::vector<std::vector<int64_t>>> ids = InitWordIds(spec, *tokenizer_, num_soft);
    if (!ids.ok()) {
      return std::string(ids.status().message());
    }
    std::string line;
    for (const std::vector<int64_t>& one : *ids) {
      absl::StrAppend(&line, line.empty() ? "" : " |");
      for (const int64_t id : one) {
        absl::StrAppend(&line, " ", tokenizer_->Piece(id));
      }
    }
    return line;
  };
  EXPECT_EQ(words("", 2), "");
  EXPECT_EQ(words("The topic", 2), " the | topic");
  EXPECT_EQ(words("topic", 3), " topic | topic | topic");
  EXPECT_EQ(words("cats what", 2), " cat ##s | what");
  EXPECT_EQ(words("the \xe2\x98\x83", 2), "model.prompt.init_words: the tokenizer cannot encode '\xe2\x98\x83'");
  EXPECT_EQ(words("the topic is", 2),
            "model.prompt.init_words has 3 words; the template has 2 soft vectors: give one word for all, or one "
            "word per vector");
  EXPECT_EQ(words(" ", 1),
            "model.prompt.init_words has 0 words; the template has 1 soft vectors: give one word for all, or one "
            "word per vector");
}

}  // namespace
}  // namespace metaprompt

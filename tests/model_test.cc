// The real model in double precision: against BERT written out the plain way on padded tensors, and its derivatives,
// up to the whole meta-gradient, against differences.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "episodes/episode.h"
#include "learners/learner.h"
#include "learners/maml.h"
#include "metaprompt/base/random.h"
#include "metaprompt/batch.h"
#include "metaprompt/bert.h"
#include "metaprompt/encoder.h"
#include "metaprompt/gather_rows.h"
#include "metaprompt/params.h"
#include "metaprompt/prompt_model.h"
#include "tests/differences.h"

namespace metaprompt {
namespace {

// Tensors are small here: threads that wait for one another would take most of the time.
class OneThread : public testing::Environment {
 public:
  void SetUp() override { at::set_num_threads(1); }
};
const testing::Environment* const kOneThread = testing::AddGlobalTestEnvironment(new OneThread());

constexpr int64_t kVocab = 30;
constexpr int64_t kSoft = 2;
constexpr int64_t kWays = 3;
constexpr int64_t kCls = 0;
constexpr int64_t kMask = 1;
constexpr int64_t kFirstWord = 2;

at::Tensor Ids(const std::vector<int64_t>& ids) { return at::tensor(at::ArrayRef<int64_t>(ids), at::kLong); }

ModelSpec Spec(int layers, int heads, BertSpec::Activation activation) {
  ModelSpec spec;
  BertSpec& bert = *spec.mutable_encoder()->mutable_bert();
  bert.set_layers(layers);
  bert.set_width(12);
  bert.set_heads(heads);
  bert.set_intermediate(20);
  bert.set_max_positions(16);
  bert.set_activation(activation);
  bert.set_layer_norm_eps(1e-3);  // large enough to be seen if it stood elsewhere
  return spec;
}

// With soft vectors that pass an LSTM and an MLP, and three keys and values before those of every layer.
ModelSpec WithDeepPrompt(ModelSpec spec) {
  spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
  spec.mutable_prompt()->set_prefix_length(3);
  return spec;
}

// Nothing at its initial value: biases and layer norms matter too.
ParamList RandomParams(const PromptModel& model, uint64_t seed) {
  Random random(seed);
  ParamList params;
  for (const ParamInfo& info : model.params()) {
    const at::Tensor param = RandomTensor(info.shape, &random) * 0.4;
    params.push_back(info.name.find("LayerNorm.weight") == std::string::npos ? param : param + 1);
  }
  return params;
}

// Texts of vocabulary ids, -1 - s for soft vector s, of lengths 5 to 12 with the mask before the text or after it.
struct Texts {
  std::vector<PromptedText> texts;
  std::vector<int64_t> labels;
  std::vector<std::vector<int64_t>> answers;  // per way
};

Texts RandomTexts(int64_t texts_a_way, uint64_t seed) {
  Texts result;
  Random random(seed);
  for (int64_t i = 0; i < kWays * texts_a_way; ++i) {
    std::vector<int64_t> words(1 + random.Below(7));
    for (int64_t& word : words) {
      word = kFirstWord + static_cast<int64_t>(random.Below(kVocab - kFirstWord));
    }
    PromptedText text;
    text.ids = {kCls, -1};
    if (i % 2 == 0) {  // [CLS] soft0 [MASK] words soft1
      text.mask = 2;
      text.ids.push_back(kMask);
      text.ids.insert(text.ids.end(), words.begin(), words.end());
      text.ids.push_back(-2);
    } else {  // [CLS] soft0 words soft1 [MASK] word
      text.ids.insert(text.ids.end(), words.begin(), words.end());
      text.ids.push_back(-2);
      text.mask = static_cast<int64_t>(text.ids.size());
      text.ids.push_back(kMask);
      text.ids.push_back(kFirstWord);
    }
    result.texts.push_back(std::move(text));
    result.labels.push_back(static_cast<int64_t>(random.Below(kWays)));
  }
  result.answers = {{7, 8}, {9}, {4, 11, 12}};
  return result;
}

// The texts as a batch whose ids are indices into `rows` (ascending).
Batch MakeBatch(const Texts& texts, const std::vector<int64_t>& rows) {
  const auto row_of = [&](int64_t id) { return std::find(rows.begin(), rows.end(), id) - rows.begin(); };
  std::vector<PromptedText> packed = texts.texts;
  for (PromptedText& text : packed) {
    for (int64_t& id : text.ids) {
      id = id >= 0 ? row_of(id) : static_cast<int64_t>(rows.size()) + (-1 - id);
    }
  }
  Answers answers{at::zeros({kWays, 3}, at::kLong), at::zeros({kWays, 3}, at::kDouble)};
  for (int64_t w = 0; w < kWays; ++w) {
    const std::vector<int64_t>& ids = texts.answers[static_cast<size_t>(w)];
    for (int64_t k = 0; k < 3; ++k) {
      const bool used = k < static_cast<int64_t>(ids.size());
      answers.ids[w][k] = row_of(used ? ids[static_cast<size_t>(k)] : ids.back());
      answers.weights[w][k] = used ? 1.0 / static_cast<double>(ids.size()) : 0.0;
    }
  }
  return PackBatch(packed, texts.labels, answers, at::kDouble);
}

std::vector<int64_t> AllRows() {
  std::vector<int64_t> rows(kVocab);
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

// ---------------------------------------------------------------- BERT the plain way

at::Tensor PlainNorm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  const at::Tensor centred = x - x.mean(-1, true);
  return centred / (centred.pow(2).mean(-1, true) + eps).sqrt() * weight + bias;
}

at::Tensor PlainActivation(const at::Tensor& x, BertSpec::Activation activation) {
  return activation == BertSpec::RELU ? x.clamp_min(0) : x * 0.5 * (1 + at::erf(x / std::sqrt(2.0)));
}

// Class logits [B, ways]: every text padded, every layer at every position, the logits of the whole vocabulary.
at::Tensor PlainLogits(const BertSpec& spec, const std::vector<ParamInfo>& infos, const ParamList& params,
                       const Texts& texts) {
  std::map<std::string, at::Tensor> p;
  for (size_t i = 0; i < infos.size(); ++i) {
    p[infos[i].name] = params[i];
  }
  const auto dense = [&](const std::string& name, const at::Tensor& x) {
    return x.matmul(p.at(name + ".weight").t()) + p.at(name + ".bias");
  };
  const auto norm = [&](const std::string& name, const at::Tensor& x) {
    return PlainNorm(x, p.at(name + ".weight"), p.at(name + ".bias"), spec.layer_norm_eps());
  };
  const auto batch = static_cast<int64_t>(texts.texts.size());
  const int64_t length = spec.max_positions();  // longer than the longest: padding must not matter
  const int64_t width = spec.width();
  const int64_t depth = width / spec.heads();
  at::Tensor soft = p.at("prompt.soft");
  if (p.count("prompt.mlp.0.weight") > 0) {
    ParamList weights;
    for (const char* layer : {"_l0", "_l0_reverse", "_l1", "_l1_reverse"}) {
      for (const char* what : {"weight_ih", "weight_hh", "bias_ih", "bias_hh"}) {
        weights.push_back(p.at(absl::StrCat("prompt.lstm.", what, layer)));
      }
    }
    const at::Tensor zero = at::zeros({4, 1, width / 2}, at::kDouble);
    soft = std::get<0>(at::lstm(soft.unsqueeze(0), {zero, zero}, weights, true, 2, 0, true, true, true)).squeeze(0);
    soft = dense("prompt.mlp.2", dense("prompt.mlp.0", soft).clamp_min(0));
  }
  const at::Tensor x0 = at::zeros({batch, length, width}, at::kDouble);
  const at::Tensor bias = at::full({batch, 1, length}, -1e300, at::kDouble);
  for (int64_t b = 0; b < batch; ++b) {
    const std::vector<int64_t>& ids = texts.texts[static_cast<size_t>(b)].ids;
    for (int64_t t = 0; t < static_cast<int64_t>(ids.size()); ++t) {
      const int64_t id = ids[static_cast<size_t>(t)];
      x0[b][t].copy_(id >= 0 ? p.at("bert.embeddings.word_embeddings.weight")[id] : soft[-1 - id]);
      bias[b][0][t] = 0;
    }
  }
  at::Tensor x = norm("bert.embeddings.LayerNorm",
                      x0 + p.at("bert.embeddings.position_embeddings.weight").narrow(0, 0, length).unsqueeze(0) +
                          p.at("bert.embeddings.token_type_embeddings.weight")[0]);
  for (int layer = 0; layer < spec.layers(); ++layer) {
    const std::string at = absl::StrCat("bert.encoder.layer.", layer, ".");
    const at::Tensor q = dense(at + "attention.self.query", x);
    at::Tensor k = dense(at + "attention.self.key", x);
    at::Tensor v = dense(at + "attention.self.value", x);
    at::Tensor layer_bias = bias;
    if (const std::string prefix = absl::StrCat("prompt.prefix.", layer, "."); p.count(prefix + "key") > 0) {
      const at::Tensor& key = p.at(prefix + "key");
      k = at::cat({key.expand({batch, -1, -1}), k}, 1);
      v = at::cat({p.at(prefix + "value").expand({batch, -1, -1}), v}, 1);
      layer_bias = at::cat({at::zeros({batch, 1, key.size(0)}, at::kDouble), bias}, 2);
    }
    std::vector<at::Tensor> heads;
    for (int64_t h = 0; h < spec.heads(); ++h) {
      const auto part = [&](const at::Tensor& whole) { return whole.narrow(2, h * depth, depth); };
      const at::Tensor scores =
          part(q).bmm(part(k).transpose(1, 2)) / std::sqrt(static_cast<double>(depth)) + layer_bias;
      const at::Tensor exps = (scores - scores.amax(-1, true)).exp();
      heads.push_back((exps / exps.sum(-1, true)).bmm(part(v)));
    }
    x = norm(at + "attention.output.LayerNorm", x + dense(at + "attention.output.dense", at::cat(heads, 2)));
    const at::Tensor up = PlainActivation(dense(at + "intermediate.dense", x), spec.activation());
    x = norm(at + "output.LayerNorm", x + dense(at + "output.dense", up));
  }
  const at::Tensor hidden = norm("cls.predictions.transform.LayerNorm",
                                 PlainActivation(dense("cls.predictions.transform.dense", x), spec.activation()));
  const at::Tensor vocabulary =
      hidden.matmul(p.at("bert.embeddings.word_embeddings.weight").t()) + p.at("cls.predictions.bias");  // [B, T, V]
  const at::Tensor logits = at::zeros({batch, kWays}, at::kDouble);
  for (int64_t b = 0; b < batch; ++b) {
    for (int64_t w = 0; w < kWays; ++w) {
      const at::Tensor ids = Ids(texts.answers[static_cast<size_t>(w)]);
      logits[b][w] = vocabulary[b][texts.texts[static_cast<size_t>(b)].mask].index_select(0, ids).mean();
    }
  }
  return logits;
}

TEST(PromptModelTest, ForwardIsBertWrittenOutThePlainWay) {
  double largest = 0;
  for (const BertSpec::Activation activation : {BertSpec::GELU, BertSpec::RELU}) {
    for (const int layers : {1, 3}) {
      for (const int heads : {1, 3, 6}) {
        const bool deep = heads != 3;
        const ModelSpec spec = deep ? WithDeepPrompt(Spec(layers, heads, activation)) : Spec(layers, heads, activation);
        const PromptModel model(spec, kVocab, kSoft);
        const ParamList params = RandomParams(model, 11);
        Texts texts = RandomTexts(4, 12);
        if (deep && heads == 1) {  // of one length: nothing is padded
          texts.texts.resize(2, texts.texts[0]);
          texts.texts[1] = texts.texts[0];
          texts.texts[1].ids[3] = kFirstWord;
          texts.labels.resize(2);
        }
        const Batch batch = MakeBatch(texts, AllRows());
        const ModelOutput output = model.Forward(params, batch);
        const at::Tensor expected = PlainLogits(spec.encoder().bert(), model.params(), params, texts);
        ASSERT_EQ(output.logits.sizes(), expected.sizes());
        EXPECT_GT(expected.std().item<double>(), 0.1);  // there is something to be wrong about
        largest = std::max(largest, MaxDifference(output.logits, expected));
        // The loss: −log of the softmax at the label, mean over the texts.
        const at::Tensor log_p = expected - expected.exp().sum(1, true).log();
        double loss = 0;
        for (int64_t b = 0; b < batch.size; ++b) {
          loss -= log_p[b][texts.labels[static_cast<size_t>(b)]].item<double>() / static_cast<double>(batch.size);
        }
        EXPECT_NEAR(model.Loss(output, batch).item<double>(), loss, 1e-10);
      }
    }
  }
  EXPECT_LT(largest, 1e-10);
  RecordProperty("largest_difference", absl::StrCat(largest));
}

TEST(PromptModelTest, ATextsCompanionsDoNotMatter) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 21);
  const Texts texts = RandomTexts(3, 22);
  const at::Tensor together = model.Forward(params, MakeBatch(texts, AllRows())).logits;
  Texts backwards = texts;
  std::reverse(backwards.texts.begin(), backwards.texts.end());
  EXPECT_LT(MaxDifference(model.Forward(params, MakeBatch(backwards, AllRows())).logits.flip(0), together), 1e-12);
  for (size_t i = 0; i < texts.texts.size(); ++i) {
    const Texts alone = {{texts.texts[i]}, {texts.labels[i]}, texts.answers};
    EXPECT_LT(
        MaxDifference(model.Forward(params, MakeBatch(alone, AllRows())).logits[0], together[static_cast<int64_t>(i)]),
        1e-12)
        << "text " << i;
  }
}

TEST(PromptModelTest, RenumberingTheWaysRenumbersTheLogits) {
  const PromptModel model(Spec(1, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 23);
  Texts texts = RandomTexts(3, 24);
  const Batch batch = MakeBatch(texts, AllRows());
  const ModelOutput before = model.Forward(params, batch);
  const std::vector<int64_t> way = {2, 0, 1};
  Texts renumbered = texts;
  for (size_t w = 0; w < way.size(); ++w) {
    renumbered.answers[w] = texts.answers[static_cast<size_t>(way[w])];
  }
  for (int64_t& label : renumbered.labels) {
    label = std::find(way.begin(), way.end(), label) - way.begin();
  }
  const Batch after_batch = MakeBatch(renumbered, AllRows());
  const ModelOutput after = model.Forward(params, after_batch);
  EXPECT_LT(MaxDifference(after.logits, before.logits.index_select(1, Ids(way))), 1e-14);
  EXPECT_NEAR(model.Loss(after, after_batch).item<double>(), model.Loss(before, batch).item<double>(), 1e-14);
}

TEST(PromptModelTest, InitHasTheSpreadThatTheSpecSays) {
  ModelSpec spec = Spec(2, 3, BertSpec::GELU);
  spec.mutable_encoder()->mutable_bert()->set_init_std(0.05);
  spec.mutable_encoder()->mutable_bert()->set_init_gain(1.5);
  spec.mutable_encoder()->mutable_bert()->set_width(60);
  spec.mutable_encoder()->mutable_bert()->set_intermediate(80);
  spec.mutable_prompt()->set_init_std(0.5);
  const PromptModel model(spec, 2000, 200);
  const ParamList params = model.Init(0);
  const ParamList again = model.Init(0);
  const ParamList other = model.Init(1);
  for (size_t i = 0; i < params.size(); ++i) {
    const ParamInfo& info = model.params()[i];
    EXPECT_EQ(params[i].scalar_type(), at::kFloat);
    EXPECT_EQ(params[i].sizes(), at::IntArrayRef(info.shape));
    EXPECT_TRUE(at::equal(params[i], again[i])) << info.name;
    // A bag of words: no positions, even attention, feed-forward layers that add nothing.
    const auto is = [&](const char* part) { return info.name.find(part) != std::string::npos; };
    const bool silent = is("position_embeddings") || is("token_type") || is("self.query.weight") ||
                        (is("output.dense.weight") && !is("attention.output"));
    const bool as_is = is("self.value.weight") || is("attention.output.dense.weight") || is("transform.dense.weight");
    EXPECT_EQ(at::equal(params[i], other[i]), info.shape.size() == 1 || silent || as_is) << info.name;
    if (as_is) {
      EXPECT_TRUE(at::equal(params[i], at::eye(60) * 1.5)) << info.name;
    } else if (info.shape.size() == 1 || silent) {
      EXPECT_TRUE(at::equal(params[i], at::full_like(params[i], is("LayerNorm.weight") ? 1 : 0))) << info.name;
    } else if (info.layer > 0) {
      const double std = 1.5 / std::sqrt(static_cast<double>(info.shape[1]));
      EXPECT_NEAR(params[i].std().item<double>(), std, 0.06 * std) << info.name;
      EXPECT_NEAR(params[i].mean().item<double>(), 0, 0.08 * std) << info.name;
    }
    EXPECT_EQ(info.decay, info.shape.size() == 2 && info.group == ParamGroup::kEncoder) << info.name;
  }
  EXPECT_NEAR(params.front().std().item<double>(), 0.05, 0.001);
  EXPECT_NEAR(params.back().std().item<double>(), 0.5, 0.03);
  // A stream of its own for each parameter: another vocabulary leaves the layers as they are.
  const ParamList smaller = PromptModel(spec, 1000, 200).Init(0);
  for (size_t i = 0; i < params.size(); ++i) {
    if (!model.params()[i].vocab_rows) {
      EXPECT_TRUE(at::equal(params[i], smaller[i])) << model.params()[i].name;
    }
  }
}

// ---------------------------------------------------------------- derivatives against differences

ParamList LossGradient(const PromptModel& model, const ParamList& params, const Batch& batch) {
  const ParamList leaves = WithGraph(params);
  return torch::autograd::grad({model.Loss(model.Forward(leaves, batch), batch)}, leaves);
}

double LossAt(const PromptModel& model, const ParamList& params, const Batch& batch) {
  const at::NoGradGuard no_grad;
  return model.Loss(model.Forward(params, batch), batch).item<double>();
}

// Directions for a gradient: along each parameter alone, half random and half along the gradient so that the derivative
// is not small by chance; then several along all of them at once.
std::vector<std::pair<std::string, ParamList>> Directions(const std::vector<ParamInfo>& infos,
                                                          const ParamList& gradient, Random* random) {
  std::vector<std::pair<std::string, ParamList>> directions;
  for (size_t i = 0; i < infos.size(); ++i) {
    ParamList one(infos.size());
    one[i] = Unit(Unit(RandomTensor(infos[i].shape, random)) + Unit(gradient[i]));
    directions.emplace_back(infos[i].name, one);
  }
  for (int k = 0; k < 4; ++k) {
    ParamList all;
    for (const auto& [name, one] :
         std::vector(directions.begin(), directions.begin() + static_cast<int>(infos.size()))) {
      for (const at::Tensor& part : one) {
        if (part.defined()) {
          all.push_back((Unit(RandomTensor(part.sizes(), random)) + part) * 0.1);
        }
      }
    }
    directions.emplace_back("all", all);
  }
  return directions;
}

// Compares a gradient with differences of `f`; returns the largest relative error. A parameter whose gradient is 0 (the
// key's bias shifts all scores of a row alike, where there is no prefix) must have differences of 0.
double CheckGradient(const std::vector<ParamInfo>& infos, const ParamList& params, const ParamList& gradient,
                     uint64_t seed, const std::function<double(const ParamList&)>& f, bool has_prefix = false) {
  Random random(seed);
  double largest = 0;
  for (const auto& [name, direction] : Directions(infos, gradient, &random)) {
    const double expected = Difference<double>(params, direction, f);
    const double found = Dot(gradient, direction);
    if (name.find("self.key.bias") != std::string::npos && !has_prefix) {
      EXPECT_NEAR(found, 0, 1e-10) << name;
      EXPECT_NEAR(expected, 0, 1e-10) << name;
      continue;
    }
    EXPECT_GT(std::abs(expected), 1e-6) << name << ": too small to be compared";
    const double error = std::abs(found - expected) / std::abs(expected);
    EXPECT_LT(error, 1e-6) << name << ": " << found << " against " << expected;
    largest = std::max(largest, error);
  }
  return largest;
}

TEST(PromptModelTest, GradientAgreesWithDifferences) {
  for (const bool deep : {false, true}) {
    const ModelSpec spec = Spec(2, 3, BertSpec::GELU);
    const PromptModel model(deep ? WithDeepPrompt(spec) : spec, kVocab, kSoft);
    const ParamList params = RandomParams(model, 31);
    const Batch batch = MakeBatch(RandomTexts(2, 32), AllRows());
    const double largest = CheckGradient(
        model.params(), params, LossGradient(model, params, batch), 33,
        [&](const ParamList& at) { return LossAt(model, at, batch); }, deep);
    RecordProperty(deep ? "largest_error_deep" : "largest_error", absl::StrCat(largest));
  }
}

TEST(PromptModelTest, HessianAgreesWithDifferencesOfTheGradient) {
  const ModelSpec spec = Spec(2, 3, BertSpec::GELU);
  const PromptModel plain(spec, kVocab, kSoft);
  const PromptModel with_deep_prompt(WithDeepPrompt(spec), kVocab, kSoft);
  const Batch batch = MakeBatch(RandomTexts(2, 42), AllRows());
  Random random(43);
  double largest = 0;
  for (int k = 0; k < 4; ++k) {
    const bool deep = k == 3;
    const PromptModel& model = deep ? with_deep_prompt : plain;
    const ParamList params = RandomParams(model, 41);
    ParamList direction;
    for (const at::Tensor& param : params) {
      direction.push_back(Unit(RandomTensor(param.sizes(), &random)));
    }
    // H v = ∇(∇L · v)
    const ParamList leaves = WithGraph(params);
    const ParamList gradient = torch::autograd::grad({model.Loss(model.Forward(leaves, batch), batch)}, leaves, {},
                                                     /*retain_graph=*/true, /*create_graph=*/true);
    at::Tensor along = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < leaves.size(); ++i) {
      along = along + (gradient[i] * direction[i]).sum();
    }
    const ParamList product = torch::autograd::grad({along}, leaves, {}, false, false, /*allow_unused=*/true);
    const ParamList differences =
        ListDifference(params, direction, [&](const ParamList& at) { return LossGradient(model, at, batch); });
    for (size_t i = 0; i < leaves.size(); ++i) {
      const std::string& name = model.params()[i].name;
      const at::Tensor& expected = differences[i];
      const at::Tensor found = product[i].defined() ? product[i] : at::zeros_like(params[i]);
      const double size = expected.norm().item<double>();
      if (name.find("self.key.bias") != std::string::npos && !deep) {
        EXPECT_LT(size, 1e-9);
        EXPECT_LT(found.norm().item<double>(), 1e-10) << name;
        continue;
      }
      ASSERT_GT(size, 1e-5) << name;
      const double error = (found - expected).norm().item<double>() / size;
      EXPECT_LT(error, 1e-6) << name;
      largest = std::max(largest, error);
    }
  }
  RecordProperty("largest_error", absl::StrCat(largest));
}

// The whole meta-gradient: through two inner steps, the prompt in the middle of the encoder, and the query loss.
TEST(PromptModelTest, MamlMetaGradientAgreesWithDifferences) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 51);
  Episode episode;
  episode.support = MakeBatch(RandomTexts(1, 52), AllRows());
  episode.query = MakeBatch(RandomTexts(2, 53), AllRows());
  for (const bool multi_step : {false, true}) {
    LearnerSpec spec;
    spec.mutable_maml()->set_order(MamlSpec::SECOND);
    spec.mutable_inner()->set_steps(2);
    spec.mutable_inner()->set_encoder_lr(0.05);
    spec.mutable_inner()->set_prompt_lr(0.2);
    std::vector<double> weights = {0, 1};
    if (multi_step) {
      spec.mutable_maml()->mutable_multi_step()->set_epochs(10);
      spec.mutable_maml()->mutable_multi_step()->set_meta_steps_per_epoch(1);
      weights = {0.5 - 2 / 20.0, 0.5 + 2 / 20.0};
    }
    // Σ_k w_k L(θ_k; Q), with inner steps of the test's own.
    const auto objective = [&](const ParamList& meta) {
      ParamList theta = meta;
      double sum = 0;
      for (const double weight : weights) {
        const ParamList gradient = LossGradient(model, theta, episode.support);
        for (size_t i = 0; i < theta.size(); ++i) {
          theta[i] = theta[i] - gradient[i] * (model.params()[i].group == ParamGroup::kPrompt ? 0.2 : 0.05);
        }
        sum += weight == 0 ? 0.0 : weight * LossAt(model, theta, episode.query);
      }
      return sum;
    };
    const TaskGradient task = Maml(spec).MetaGradient(model, params, episode, /*meta_step=*/2);
    const double largest = CheckGradient(model.params(), params, task.grads, 54, objective);
    RecordProperty(multi_step ? "largest_error_multi_step" : "largest_error", absl::StrCat(largest));
    // And the second order is most of it: the test would see if it were dropped.
    spec.mutable_maml()->set_order(MamlSpec::FIRST);
    const TaskGradient first = Maml(spec).MetaGradient(model, params, episode, 2);
    const double cosine =
        Dot(first.grads, task.grads) / std::sqrt(Dot(first.grads, first.grads) * Dot(task.grads, task.grads));
    EXPECT_LT(cosine, 0.999);
  }
}

// ---------------------------------------------------------------- the task's own class head

// MAML with a class head, its inner steps done by the test itself.
struct HeadedMaml {
  double encoder_lr = 0;
  double prompt_lr = 0.2;
  double class_lr = 0.6;
  int steps = 2;
  bool multi_step = false;
  ScopeSpec::Part adapts = ScopeSpec::ALL;
  ScopeSpec::Part learns = ScopeSpec::ALL;

  MetaGradientSpec::Way way = MetaGradientSpec::KEEP_GRAPH;

  static constexpr int kMetaStep = 2;

  LearnerSpec Spec(MamlSpec::Order order) const {
    LearnerSpec spec;
    spec.mutable_maml()->set_order(order);
    spec.mutable_inner()->set_steps(steps);
    spec.mutable_inner()->set_encoder_lr(encoder_lr);
    spec.mutable_inner()->set_prompt_lr(prompt_lr);
    spec.mutable_inner()->set_class_lr(class_lr);
    spec.mutable_adapts()->set_part(adapts);
    spec.mutable_learns()->set_part(learns);
    spec.mutable_meta_gradient()->set_way(way);
    if (multi_step) {
      spec.mutable_maml()->mutable_multi_step()->set_epochs(10);
      spec.mutable_maml()->mutable_multi_step()->set_meta_steps_per_epoch(1);
    }
    return spec;
  }
  double Weight(int step) const {  // from 1
    const double early = multi_step ? (1 - kMetaStep / 10.0) / steps : 0;
    return step < steps ? early : 1 - early * (steps - 1);
  }
  double Rate(const ParamInfo& info) const {
    const bool prompt = info.group == ParamGroup::kPrompt;
    return adapts != ScopeSpec::ALL && (adapts == ScopeSpec::PROMPT) != prompt ? 0 : prompt ? prompt_lr : encoder_lr;
  }
};

// The mean of the answer words' vectors and biases, one class at a time.
ParamList PlainHead(const std::vector<ParamInfo>& infos, const ParamList& params, const Answers& answers) {
  at::Tensor words;
  at::Tensor biases;
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].vocab_rows) {
      (infos[i].shape.size() == 2 ? words : biases) = params[i];
    }
  }
  std::vector<at::Tensor> vectors;
  std::vector<at::Tensor> numbers;
  for (int64_t w = 0; w < answers.ids.size(0); ++w) {
    at::Tensor vector = at::zeros({words.size(1)}, at::kDouble);
    at::Tensor number = at::zeros({}, at::kDouble);
    for (int64_t k = 0; k < answers.ids.size(1); ++k) {
      const int64_t id = answers.ids[w][k].item<int64_t>();
      const double weight = answers.weights[w][k].item<double>();
      vector = vector + words[id] * weight;
      number = number + biases[id] * weight;
    }
    vectors.push_back(vector);
    numbers.push_back(number);
  }
  return {at::stack(vectors), at::stack(numbers)};
}

ParamList WithHead(const PromptModel& model, const ParamList& params, const Answers& answers) {
  ParamList all = params;
  for (const at::Tensor& part : PlainHead(model.params(), params, answers)) {
    all.push_back(part);
  }
  return all;
}

// What the inner steps subtract from the parameters and the class head behind them: after step 1, 2, ...
std::vector<ParamList> Offsets(const PromptModel& model, const HeadedMaml& maml, const ParamList& params,
                               const Batch& support) {
  const ParamList start = WithHead(model, params, support.answers);
  ParamList theta = start;
  std::vector<ParamList> offsets;
  for (int k = 0; k < maml.steps; ++k) {
    const ParamList leaves = WithGraph(theta);
    const ParamList gradient = torch::autograd::grad({model.Loss(model.Forward(leaves, support), support)}, leaves, {},
                                                     false, false, /*allow_unused=*/true);
    ParamList offset;
    for (size_t i = 0; i < theta.size(); ++i) {
      const double rate = i < params.size() ? maml.Rate(model.params()[i]) : maml.class_lr;
      theta[i] = gradient[i].defined() ? theta[i] - gradient[i] * rate : theta[i];
      offset.push_back(start[i] - theta[i]);
    }
    offsets.push_back(offset);
  }
  return offsets;
}

// Σ_k w_k L(θ_0 − offset_k; Q), the class head's θ_0 being a function of the words'.
double LossBehind(const PromptModel& model, const HeadedMaml& maml, const ParamList& params,
                  const std::vector<ParamList>& offsets, const Batch& query) {
  double sum = 0;
  for (int k = 1; k <= maml.steps; ++k) {
    ParamList theta = WithHead(model, params, query.answers);
    for (size_t i = 0; i < theta.size(); ++i) {
      theta[i] = theta[i] - offsets[static_cast<size_t>(k - 1)][i];
    }
    sum += maml.Weight(k) == 0 ? 0 : maml.Weight(k) * LossAt(model, theta, query);
  }
  return sum;
}

Episode RandomEpisode() {
  Episode episode;
  episode.support = MakeBatch(RandomTexts(1, 52), AllRows());
  episode.query = MakeBatch(RandomTexts(2, 53), AllRows());
  return episode;
}

TEST(ClassHeadTest, ItIsTheMeanOfTheAnswerWordsAndUnadaptedChangesNothing) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 81);
  const Batch batch = MakeBatch(RandomTexts(2, 82), AllRows());
  const ParamList head = model.ClassHead(params, batch.answers);
  const ParamList expected = PlainHead(model.params(), params, batch.answers);
  ASSERT_EQ(head.size(), 2);
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(head[i].sizes(), expected[i].sizes());
    EXPECT_LT(MaxDifference(head[i], expected[i]), 1e-15);
  }
  ParamList both = params;
  both.insert(both.end(), head.begin(), head.end());
  EXPECT_TRUE(at::equal(model.Forward(both, batch).logits, model.Forward(params, batch).logits));
  // With its own head the task no longer asks the vocabulary: logit w is the head's.
  both[params.size() + 1] = head[1] + Ids({1, 2, 3}).to(at::kDouble);
  EXPECT_LT(MaxDifference(model.Forward(both, batch).logits - model.Forward(params, batch).logits,
                          Ids({1, 2, 3}).to(at::kDouble).unsqueeze(0)),
            1e-12);
  both.pop_back();
  EXPECT_THROW(model.Forward(both, batch), c10::Error);
  // Learners start with it where it has a step size, and without it where it has none.
  for (const int steps : {0, 2}) {
    HeadedMaml maml;
    maml.steps = steps;
    const ParamList adapted = Maml(maml.Spec(MamlSpec::SECOND)).Adapt(model, params, batch);
    ASSERT_EQ(adapted.size(), params.size() + 2);
    EXPECT_EQ(at::equal(adapted[params.size()], head[0]), steps == 0);
    EXPECT_EQ(at::equal(model.Forward(adapted, batch).logits, model.Forward(params, batch).logits), steps == 0);
    maml.class_lr = 0;
    EXPECT_EQ(Maml(maml.Spec(MamlSpec::SECOND)).Adapt(model, params, batch).size(), params.size());
  }
}

TEST(ClassHeadTest, MetaGradientAgreesWithDifferences) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 51);
  const Episode episode = RandomEpisode();
  double largest = 0;
  for (const double encoder_lr : {0.0, 0.05}) {
    for (const bool multi_step : {false, true}) {
      HeadedMaml maml;
      maml.encoder_lr = encoder_lr;
      maml.multi_step = multi_step;
      SCOPED_TRACE(absl::StrCat("encoder_lr=", encoder_lr, " multi_step=", multi_step));
      const TaskGradient task = Maml(maml.Spec(MamlSpec::SECOND)).MetaGradient(model, params, episode, 2);
      maml.way = MetaGradientSpec::RECOMPUTE;
      const TaskGradient recomputed = Maml(maml.Spec(MamlSpec::SECOND)).MetaGradient(model, params, episode, 2);
      EXPECT_TRUE(recomputed.recomputed && !task.recomputed);
      for (size_t i = 0; i < task.grads.size(); ++i) {
        EXPECT_LT(MaxDifference(task.grads[i], recomputed.grads[i]), 1e-12) << model.params()[i].name;
      }
      ASSERT_EQ(task.grads.size(), params.size());
      const auto objective = [&](const ParamList& meta) {
        return LossBehind(model, maml, meta, Offsets(model, maml, meta, episode.support), episode.query);
      };
      largest = std::max(largest, CheckGradient(model.params(), params, task.grads, 54, objective));
      const ParamList adapted = Maml(maml.Spec(MamlSpec::SECOND)).Adapt(model, params, episode.support);
      EXPECT_NEAR(task.query_loss, LossAt(model, adapted, episode.query), 1e-12);
    }
  }
  std::cout << "largest relative error " << largest << std::endl;
  RecordProperty("largest_error", absl::StrCat(largest));
}

// First order: what the inner steps subtract counts as constant, but the class head begins as a function of the words,
// and that path counts.
TEST(ClassHeadTest, FirstOrderHoldsTheInnerGradientsConstant) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 51);
  const Episode episode = RandomEpisode();
  double largest = 0;
  for (const double encoder_lr : {0.0, 0.05}) {
    for (const bool multi_step : {false, true}) {
      HeadedMaml maml;
      maml.encoder_lr = encoder_lr;
      maml.multi_step = multi_step;
      SCOPED_TRACE(absl::StrCat("encoder_lr=", encoder_lr, " multi_step=", multi_step));
      const TaskGradient task = Maml(maml.Spec(MamlSpec::FIRST)).MetaGradient(model, params, episode, 2);
      const std::vector<ParamList> offsets = Offsets(model, maml, params, episode.support);
      largest = std::max(largest, CheckGradient(model.params(), params, task.grads, 55, [&](const ParamList& meta) {
                           return LossBehind(model, maml, meta, offsets, episode.query);
                         }));
      // Only by that path does the decoder's bias learn, at the answer words alone.
      for (size_t i = 0; i < params.size(); ++i) {
        if (model.params()[i].name == "cls.predictions.bias") {
          EXPECT_GT(task.grads[i].abs().max().item<double>(), 1e-3);
          EXPECT_LE(at::count_nonzero(task.grads[i]).item<int64_t>(), 6);
        }
      }
      const TaskGradient second = Maml(maml.Spec(MamlSpec::SECOND)).MetaGradient(model, params, episode, 2);
      EXPECT_LT(
          Dot(task.grads, second.grads) / std::sqrt(Dot(task.grads, task.grads) * Dot(second.grads, second.grads)),
          0.9999);
    }
  }
  std::cout << "largest relative error " << largest << std::endl;
  RecordProperty("largest_error", absl::StrCat(largest));
}

TEST(ClassHeadTest, AnyScopesOfAdaptingAndLearning) {
  const PromptModel model(Spec(1, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 56);
  const Episode episode = RandomEpisode();
  for (const MamlSpec::Order order : {MamlSpec::SECOND, MamlSpec::FIRST}) {
    for (const ScopeSpec::Part adapts : {ScopeSpec::ALL, ScopeSpec::PROMPT, ScopeSpec::ENCODER}) {
      for (const ScopeSpec::Part learns : {ScopeSpec::ALL, ScopeSpec::PROMPT, ScopeSpec::ENCODER}) {
        HeadedMaml maml;
        maml.encoder_lr = 0.05;
        maml.multi_step = true;
        maml.adapts = adapts;
        maml.learns = learns;
        const std::string what = absl::StrCat(MamlSpec::Order_Name(order), " adapts=", ScopeSpec::Part_Name(adapts),
                                              " learns=", ScopeSpec::Part_Name(learns));
        TaskGradient task;
        ASSERT_NO_THROW(task = Maml(maml.Spec(order)).MetaGradient(model, params, episode, 2)) << what;
        const std::vector<ParamList> offsets = Offsets(model, maml, params, episode.support);
        ParamList direction(params.size());
        Random random(57);
        for (size_t i = 0; i < params.size(); ++i) {
          const bool prompt = model.params()[i].group == ParamGroup::kPrompt;
          const bool learned = learns == ScopeSpec::ALL || (learns == ScopeSpec::PROMPT) == prompt;
          ASSERT_EQ(task.grads[i].defined(), learned) << what << ", " << model.params()[i].name;
          if (learned) {
            direction[i] = Unit(Unit(RandomTensor(params[i].sizes(), &random)) + Unit(task.grads[i]));
          }
        }
        const double expected = Difference<double>(params, direction, [&](const ParamList& meta) {
          return LossBehind(model, maml, meta,
                            order == MamlSpec::FIRST ? offsets : Offsets(model, maml, meta, episode.support),
                            episode.query);
        });
        EXPECT_GT(std::abs(expected), 1e-4) << what;
        EXPECT_LT(std::abs(Dot(task.grads, direction) - expected), 1e-6 * std::abs(expected)) << what;
      }
    }
  }
}

// ---------------------------------------------------------------- a start from data

// By the head's layer norm, or, without a head, by what stands in for one.
TEST(PromptModelTest, StandardisedReadsHaveMeanZeroAndVarianceOne) {
  for (const bool with_head : {true, false}) {
    const EncoderConfig config = BertConfig(Spec(2, 2, BertSpec::GELU).encoder().bert(), kVocab);
    const PromptModel model(ModelSpec(), Encoder(config, with_head), kSoft);
    const char* const changes = with_head ? "cls.predictions.transform.LayerNorm" : "read.";
    const ParamList params = RandomParams(model, 91);
    const ParamList before = Detached(params);
    std::vector<int64_t> backwards = AllRows();  // rows of another order: local ids are others
    std::reverse(backwards.begin(), backwards.end());
    const std::vector<LocalBatch> texts = {{Ids(AllRows()), MakeBatch(RandomTexts(5, 92), AllRows())},
                                           {Ids(backwards), MakeBatch(RandomTexts(3, 93), backwards)}};
    const ParamList standardised = model.Standardised(params, texts);
    ASSERT_EQ(standardised.size(), params.size());
    for (size_t i = 0; i < params.size(); ++i) {
      const std::string& name = model.params()[i].name;
      EXPECT_TRUE(at::equal(params[i], before[i])) << name << ": the input changed";
      EXPECT_FALSE(standardised[i].requires_grad()) << name;
      EXPECT_EQ(at::equal(standardised[i], params[i]), name.find(changes) != 0) << name;
    }
    std::vector<at::Tensor> reads;
    for (const LocalBatch& one : texts) {
      const ParamList local = LocalParams(model.params(), standardised, one.rows);
      const at::Tensor read = model.encoder().Transformed(local, model.Forward(local, one.batch).features);
      const size_t scale = model.encoder().params().size();
      reads.push_back(with_head ? read : read * local[scale] + local[scale + 1]);
    }
    const at::Tensor all = at::cat(reads);
    ASSERT_EQ(all.size(0), 8 * kWays);
    EXPECT_LT(all.mean(0).abs().max().item<double>(), 1e-12);
    EXPECT_LT((all.var(0) - 1).abs().max().item<double>(), 1e-12);
    // Once more changes nothing; texts all alike still give numbers, and what does not vary is not blown up.
    const ParamList again = model.Standardised(standardised, texts);
    for (size_t i = 0; i < params.size(); ++i) {
      EXPECT_LT(MaxDifference(again[i], standardised[i]), 1e-10) << model.params()[i].name;
    }
    Texts alike = RandomTexts(1, 94);
    alike.texts = {alike.texts[0], alike.texts[0]};
    alike.labels = {0, 1};
    const ParamList of_one = model.Standardised(params, {{Ids(AllRows()), MakeBatch(alike, AllRows())}});
    for (size_t i = 0; i < params.size(); ++i) {
      EXPECT_TRUE(at::isfinite(of_one[i]).all().item<bool>()) << model.params()[i].name;
    }
    const size_t scale = with_head ? model.encoder().layout().transform_norm : model.encoder().params().size();
    EXPECT_TRUE(at::equal(of_one[scale], params[scale]));
  }
}

// ---------------------------------------------------------------- rows

TEST(LocalParamsTest, AnEpisodesRowsGiveTheSameLossAndGradient) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 61);
  const Texts texts = RandomTexts(1, 62);
  std::vector<int64_t> rows;
  for (const PromptedText& text : texts.texts) {
    std::copy_if(text.ids.begin(), text.ids.end(), std::back_inserter(rows), [](int64_t id) { return id >= 0; });
  }
  for (const std::vector<int64_t>& ids : texts.answers) {
    rows.insert(rows.end(), ids.begin(), ids.end());
  }
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  ASSERT_LT(rows.size(), kVocab);
  const Batch compact = MakeBatch(texts, rows);
  const Batch whole = MakeBatch(texts, AllRows());
  const ParamList local = LocalParams(model.params(), params, Ids(rows));
  EXPECT_NEAR(LossAt(model, local, compact), LossAt(model, params, whole), 1e-14);

  const ParamList local_gradient = LossGradient(model, local, compact);
  const ParamList gradient = LossGradient(model, params, whole);
  ParamList sums;
  for (const at::Tensor& param : params) {
    sums.push_back(at::ones_like(param));
  }
  AddLocal(model.params(), local_gradient, Ids(rows), &sums);
  AddLocal(model.params(), local_gradient, Ids(rows), &sums);  // it adds, and does not put in place
  AddLocal(model.params(), ParamList(params.size()), Ids(rows), &sums);
  for (size_t i = 0; i < params.size(); ++i) {
    EXPECT_LT(MaxDifference(sums[i], gradient[i] * 2 + 1), 1e-13) << model.params()[i].name;
  }
}

TEST(GatherRowsTest, AgreesWithIndexingToTheSecondDerivative) {
  Random random(71);
  const at::Tensor from = Ids({3, -1, 0, 1});
  const at::Tensor to = Ids({2, 3, -1, 0, -1});  // row 0 went to place 2, row 1 to place 3, row 2 nowhere, ...
  const at::Tensor present = from.ge(0).to(at::kDouble).unsqueeze(1);
  const at::Tensor weight = RandomTensor({4, 3}, &random);
  const at::Tensor row_weight = RandomTensor({5, 3}, &random);
  const at::Tensor start = RandomTensor({5, 3}, &random);
  std::vector<at::Tensor> results[2];
  for (const int own : {0, 1}) {
    const at::Tensor x = start.clone().requires_grad_(true);
    const at::Tensor y = own == 1 ? GatherRows(x, from, to) : x.index_select(0, from.clamp_min(0)) * present;
    const at::Tensor sum = (y.pow(3) * weight).sum();
    const at::Tensor gradient = torch::autograd::grad({sum}, {x}, {}, true, true)[0];
    const at::Tensor second = torch::autograd::grad({(gradient.pow(2) * row_weight).sum()}, {x}, {}, true, true)[0];
    const at::Tensor third = torch::autograd::grad({(second.pow(2) * row_weight).sum()}, {x})[0];
    results[own] = {y.detach(), gradient.detach(), second.detach(), third};
  }
  for (size_t i = 0; i < results[0].size(); ++i) {
    EXPECT_LT(MaxDifference(results[0][i], results[1][i]), 1e-10) << "derivative " << i;
    EXPECT_GT(results[0][i].abs().max().item<double>(), 0);
  }
  // Rows that are not contiguous in memory, and float32.
  const at::Tensor wide = RandomTensor({3, 5}, &random).to(at::kFloat);
  EXPECT_TRUE(at::equal(GatherRows(wide.t(), from, to).select(0, 0), wide.t().select(0, 3)));
  EXPECT_EQ(GatherRows(wide.t(), from, to).select(0, 1).abs().sum().item<float>(), 0);
}

}  // namespace
}  // namespace metaprompt

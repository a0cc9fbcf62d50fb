// The real model in double precision, compared with a plain implementation of BERT on padded tensors.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/params.h"
#include "metaprompt/operations/gather_rows.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/one_thread.h"
#include "tests/helpers/small_bert.h"

namespace metaprompt {
namespace {

// ---------------------------------------------------------------- A plain BERT

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
  const int64_t length = spec.max_positions();  // more than the longest text, because padding must not matter
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
      logits[b][w] = vocabulary[b][texts.texts[static_cast<size_t>(b)].read_at].index_select(0, ids).mean();
    }
  }
  return logits;
}

TEST(PromptModelTest, ForwardIsBertWrittenOutThePlainWay) {
  double largest = 0;
  for (const BertSpec::Activation activation : {BertSpec::GELU, BertSpec::RELU}) {
    for (const int layers : {0, 1, 3}) {
      for (const int heads : {1, 3, 6}) {
        const bool deep = heads != 3;
        const ModelSpec spec = deep ? WithDeepPrompt(Spec(layers, heads, activation)) : Spec(layers, heads, activation);
        const PromptModel model(spec, kVocab, kSoft);
        const ParamList params = RandomParams(model, 11);
        Texts texts = RandomTexts(4, 12);
        if (deep && heads == 1) {  // all texts have one length, without padding
          texts.texts.resize(2, texts.texts[0]);
          texts.texts[1] = texts.texts[0];
          texts.texts[1].ids[3] = kFirstWord;
          texts.labels.resize(2);
        }
        const Batch batch = MakeBatch(texts, AllRows());
        const ModelOutput output = model.Forward(params, batch);
        const at::Tensor expected = PlainLogits(spec.encoder().bert(), model.params(), params, texts);
        ASSERT_EQ(output.logits.sizes(), expected.sizes());
        EXPECT_GT(expected.std().item<double>(), 0.1);  // the logits are not nearly constant
        largest = std::max(largest, MaxDifference(output.logits, expected));
        // The loss: −log of the softmax at the label, mean over the texts.
        const at::Tensor log_p = expected - expected.exp().sum(1, true).log();
        double loss = 0;
        for (int64_t b = 0; b < RowsOf(batch); ++b) {
          loss -= log_p[b][texts.labels[static_cast<size_t>(b)]].item<double>() / static_cast<double>(RowsOf(batch));
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
  // Each parameter has its own random stream, so the layers do not depend on the size of the vocabulary.
  const ParamList smaller = PromptModel(spec, 1000, 200).Init(0);
  for (size_t i = 0; i < params.size(); ++i) {
    if (!model.params()[i].vocab_rows) {
      EXPECT_TRUE(at::equal(params[i], smaller[i])) << model.params()[i].name;
    }
  }
}

// ---------------------------------------------------------------- a start from data

// With the head's layer norm, or, without a head, with read.scale and read.shift.
TEST(PromptModelTest, StandardisedReadsHaveMeanZeroAndVarianceOne) {
  for (const bool with_head : {true, false}) {
    const EncoderConfig config = BertConfig(Spec(2, 2, BertSpec::GELU).encoder().bert(), kVocab);
    const PromptModel model(ModelSpec(), Encoder(config, with_head), kSoft);
    const char* const changes = with_head ? "cls.predictions.transform.LayerNorm" : "read.";
    const ParamList params = RandomParams(model, 91);
    const ParamList before = Detached(params);
    std::vector<int64_t> backwards = AllRows();  // rows in another order, so that local ids differ
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
    // A second call changes nothing. Equal texts still give finite numbers, and dimensions that do not vary are not
    // scaled up.
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
  AddLocal(model.params(), local_gradient, Ids(rows), &sums);  // adds, and does not overwrite
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

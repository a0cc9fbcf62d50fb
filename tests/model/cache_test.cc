// Features of models other than logits, for each architecture: layers that are computed beforehand, low-rank updates,
// features, and the memory of a graph.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <torch/csrc/autograd/autograd.h>

#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/pack_texts.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"
#include "tests/helpers/one_thread.h"
#include "tests/helpers/param_lists.h"

namespace metaprompt {
namespace {

constexpr int64_t kSoft = 2;

// Texts of these lengths with two soft vectors, and the mask at different positions.
std::vector<PromptedText> RandomTexts(const std::vector<int64_t>& lengths, int64_t vocab, Random* random) {
  std::vector<PromptedText> texts;
  for (const int64_t length : lengths) {
    PromptedText text;
    for (int64_t t = 0; t < length; ++t) {
      text.ids.push_back(static_cast<int64_t>(random->Below(static_cast<uint64_t>(vocab))));
    }
    text.ids[1] = -1;
    text.ids[3] = -2;
    text.read_at = texts.size() % 2 == 0 ? 2 : length - 1;
    texts.push_back(std::move(text));
  }
  return texts;
}

Answers TwoAnswers(at::ScalarType type) {
  return WithStart(
      {at::tensor({7, 8, 9, 9}, at::kLong).view({2, 2}), at::tensor({0.5, 0.5, 1.0, 0.0}, type).view({2, 2})},
      {0, 3});  // only a decoder uses the start
}

ParamList Double(ParamList params) {
  for (at::Tensor& param : params) {
    param = param.to(at::kDouble);
  }
  return params;
}

ModelSpec SpecWith(ModelSpec::Features features, int rank) {
  ModelSpec spec;
  spec.set_features(features);
  spec.mutable_lora()->set_rank(rank);
  spec.mutable_lora()->set_alpha(3);
  return spec;
}

// With soft vectors that pass through an LSTM and an MLP, and a prefix in each layer.
ModelSpec DeepSpecWith(ModelSpec::Features features, int rank) {
  ModelSpec spec = SpecWith(features, rank);
  spec.mutable_prompt()->set_reparametrisation(PromptSpec::LSTM_MLP);
  spec.mutable_prompt()->set_prefix_length(2);
  spec.mutable_prompt()->set_init_std(0.5);
  return spec;
}

// A checkpoint as a model with updates of rank 2 that are not 0; float64.
struct Opened {
  explicit Opened(const std::string& name, ModelSpec::Features features)
      : checkpoint(*OpenCheckpoint("tests/goldens/encoders/" + name, false)),
        model(DeepSpecWith(features, 2), *checkpoint.encoder, kSoft),
        params(Double(model.WithSoftPrompt(checkpoint.params, 5))) {
    Random random(6);
    for (size_t i = 0; i < params.size(); ++i) {
      if (absl::EndsWith(model.params()[i].name, ".B")) {
        params[i] = RandomTensor(params[i].sizes(), &random) * 0.1;
      }
    }
  }

  Batch RandomBatch(const std::vector<int64_t>& lengths) const {
    Random random(7);
    const std::vector<int64_t> labels(lengths.size(), 1);
    return PackBatch(RandomTexts(lengths, checkpoint.encoder->config().vocab_size, &random), labels,
                     TwoAnswers(at::kDouble));
  }

  Checkpoint checkpoint;
  PromptModel model;
  ParamList params;
};

// The number of layers that a model applies, a decoder's too.
int Applied(const PromptModel& model) {
  return static_cast<int>(model.encoder().num_layers() + model.encoder().layout().decoder_layers.size());
}

// The part of a model with `applied` layers that is left to compute for the batch: 0, everything; i in 1..applied, from
// layer i on; applied + 1, the head; applied + 2, the class head.
int Left(const Batch& batch, int applied) {
  const auto* cache = dynamic_cast<const PromptCache*>(batch.cached.get());
  if (cache == nullptr) {
    return 0;
  }
  const auto* layers = std::get_if<PromptCache::LayersLeft>(&cache->left);
  return layers != nullptr                                            ? static_cast<int>(layers->encoder.next) + 1
         : std::holds_alternative<PromptCache::HeadLeft>(cache->left) ? applied + 1
                                                                      : applied + 2;
}

class ArchitectureTest : public testing::TestWithParam<std::string> {};

// The loss, its gradient, and the gradient of that along a direction.
struct Derivatives {
  double loss = 0;
  ParamList first;
  ParamList second;
};

double SquaredSum(const at::Tensor& x) { return x.square().sum().item<double>(); }

void ExpectClose(const ParamList& found, const ParamList& expected, const std::vector<ParamInfo>& infos) {
  double size = 0;
  for (const at::Tensor& one : expected) {
    size += one.defined() ? SquaredSum(one) : 0;
  }
  ASSERT_GT(size, 1e-8);
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string name = i < infos.size() ? infos[i].name : "class head";
    const at::Tensor zero = at::zeros({}, at::kDouble);
    const at::Tensor a = found[i].defined() ? found[i] : zero;
    const at::Tensor b = expected[i].defined() ? expected[i] : zero;
    EXPECT_LT((a - b).abs().max().item<double>(), 1e-12 * std::sqrt(size)) << name;
  }
}

// Forward gets no parameter below `layer`, except those that ALBERT uses again.
TEST_P(ArchitectureTest, ALoweredBatchGivesTheSameToTheSecondDerivative) {
  const std::string name = GetParam();
  for (const ModelSpec::Features features : {ModelSpec::MASK, ModelSpec::MEAN}) {
    const Opened opened(name, features);
    const PromptModel& model = opened.model;
    const std::vector<ParamInfo>& infos = model.params();
    const Batch batch = opened.RandomBatch({5, 21, 9});
    const int head_layer = model.encoder().layout().head_layer();
    // A tied head without biases, as in a causal model, has no parameters.
    const bool head_moves = std::any_of(infos.begin(), infos.end(), [&](const ParamInfo& info) {
      EXPECT_LE(info.layer, head_layer);
      return info.layer == head_layer;
    });
    const int applied = Applied(model);
    EXPECT_EQ(model.CacheBelow(opened.params, batch, 0).cached, nullptr);
    for (const bool with_head : {false, true}) {
      ParamList start = opened.params;
      if (with_head) {
        for (const at::Tensor& part : model.ClassHead(opened.params, batch)) {
          start.push_back(part * 1.5);
        }
      }
      Random random(8);
      ParamList direction;
      for (const at::Tensor& param : start) {
        direction.push_back(RandomTensor(param.sizes(), &random));
      }
      const auto derivatives = [&](int layer) {
        const ParamList leaves = WithGraph(start);
        const Batch lowered = model.CacheBelow(SplitHead(model, leaves), batch, layer);
        // ALBERT applies its first group as 1 2 1 2: if 2 is the first layer that may change, 1 is still used.
        const bool shared = name == "albert" && Left(lowered, applied) == 1;
        ParamList seen = leaves;
        for (size_t i = 0; i < infos.size(); ++i) {
          const bool below = infos[i].layer < (shared ? 1 : layer);
          seen[i] = below ? at::Tensor() : leaves[i];
        }
        const ModelOutput output = model.Forward(SplitHead(model, seen), lowered);
        const ModelOutput expected = model.Forward(SplitHead(model, leaves), batch);
        EXPECT_TRUE(at::equal(output.features, expected.features));
        EXPECT_TRUE(at::equal(output.read, expected.read));
        EXPECT_TRUE(at::equal(output.logits, expected.logits));
        Derivatives result;
        const at::Tensor loss = model.Loss(output, lowered) + output.features.pow(3).sum();
        result.loss = loss.item<double>();
        result.first = torch::autograd::grad({loss}, leaves, {}, true, true, /*allow_unused=*/true);
        at::Tensor along = at::zeros({}, at::kDouble);
        for (size_t i = 0; i < leaves.size(); ++i) {
          if (result.first[i].defined()) {
            along = along + (result.first[i] * direction[i]).sum();
          }
        }
        result.second = torch::autograd::grad({along}, leaves, {}, false, false, /*allow_unused=*/true);
        return result;
      };
      const Derivatives whole = derivatives(0);
      for (int layer = 1; layer <= head_layer + 2; ++layer) {
        SCOPED_TRACE(absl::StrCat(name, ModelSpec::Features_Name(features), " layer ", layer, " head ", with_head));
        const int lowered = Left(model.CacheBelow(SplitHead(model, start), batch, layer), applied);
        EXPECT_EQ(lowered, layer == head_layer && head_moves ? applied + 1
                           : layer >= head_layer             ? applied + 2
                           : name != "albert"                ? layer
                           : layer == 3                      ? 5  // 1 2 1 2 3 4 3 4
                                                             : 1);
        const Derivatives parts = derivatives(layer);
        EXPECT_EQ(parts.loss, whole.loss);
        ExpectClose(parts.first, whole.first, infos);
        ExpectClose(parts.second, whole.second, infos);
      }
    }
  }
}

// What is cached below a layer does not depend on the parameters from this layer on: a batch that was lowered before
// they moved gives what the whole batch gives.
TEST_P(ArchitectureTest, ALoweredBatchHasNothingOfWhatMovesLater) {
  const at::NoGradGuard no_grad;
  const Opened opened(GetParam(), ModelSpec::MASK);
  const Batch batch = opened.RandomBatch({5, 21, 9});
  const int head_layer = opened.model.encoder().layout().head_layer();
  const at::Tensor before = opened.model.Forward(opened.params, batch).logits;
  Random random(11);
  for (int layer = 1; layer <= head_layer; ++layer) {
    const Batch lowered = opened.model.CacheBelow(opened.params, batch, layer);
    ParamList moved = opened.params;
    bool any = false;
    for (size_t i = 0; i < moved.size(); ++i) {
      if (opened.model.params()[i].layer >= layer) {
        moved[i] = moved[i] + 0.2 * RandomTensor(moved[i].sizes(), &random);
        any = true;
      }
    }
    const at::Tensor expected = opened.model.Forward(moved, batch).logits;
    EXPECT_LT(MaxDifference(opened.model.Forward(moved, lowered).logits, expected), 1e-12) << GetParam() << layer;
    EXPECT_EQ(MaxDifference(before, expected) > 1e-4, any) << GetParam() << layer;
  }
}

TEST_P(ArchitectureTest, TextsOfALoweredBatchAreLoweredAsItIs) {
  const at::NoGradGuard no_grad;
  for (const ModelSpec::Features features : {ModelSpec::MASK, ModelSpec::MEAN}) {
    const Opened opened(GetParam(), features);
    Batch batch = opened.RandomBatch({5, 21, 9});
    for (const bool repeated : {false, true}) {
      if (repeated) {
        batch.repeats = at::tensor(at::ArrayRef<int64_t>({0, 1, 1, 2, 1}), at::kLong);
        batch.labels = batch.labels.index_select(0, batch.repeats);
      }
      const std::vector<int64_t> rows = repeated ? std::vector<int64_t>({4, 0, 1}) : std::vector<int64_t>({2, 0});
      const ModelOutput expected = opened.model.Forward(opened.params, SelectRows(batch, rows));
      int highest = 0;
      for (const ParamInfo& info : opened.model.params()) {
        highest = std::max(highest, info.layer);
      }
      for (int layer = 0; layer <= highest + 1; ++layer) {
        SCOPED_TRACE(absl::StrCat(GetParam(), ModelSpec::Features_Name(features), " layer ", layer, " ", repeated));
        const Batch lowered = opened.model.CacheBelow(opened.params, batch, layer);
        const Batch selected = SelectRows(lowered, rows);
        const int applied = Applied(opened.model);
        EXPECT_EQ(Left(selected, applied), Left(lowered, applied));
        const ModelOutput output = opened.model.Forward(opened.params, selected);
        EXPECT_LT(MaxDifference(output.features, expected.features), 1e-12);
        EXPECT_LT(MaxDifference(output.read, expected.read), 1e-12);
        EXPECT_LT(MaxDifference(output.logits, expected.logits), 1e-12);
      }
    }
  }
}

TEST_P(ArchitectureTest, FoldedLowRankUpdatesGiveTheSame) {
  const at::NoGradGuard no_grad;
  const Opened opened(GetParam(), ModelSpec::MASK);
  const PromptModel plain(DeepSpecWith(ModelSpec::MASK, 0), *opened.checkpoint.encoder, kSoft);
  const Batch batch = opened.RandomBatch({5, 21, 9});
  // At the start they change nothing.
  ParamList begin = Double(opened.model.WithSoftPrompt(opened.checkpoint.params, 5));
  const ParamList without = Double(plain.WithSoftPrompt(opened.checkpoint.params, 5));
  ASSERT_TRUE(at::equal(begin.back(), without.back()));
  const at::Tensor before = plain.Forward(without, batch).logits;
  EXPECT_TRUE(at::equal(opened.model.Forward(begin, batch).logits, before));
  // Folded in, they are part of the matrices.
  const size_t own = opened.checkpoint.encoder->params().size();
  ParamList folded = opened.model.encoder().Folded(opened.params);
  ASSERT_EQ(folded.size(), own);
  int changed = 0;
  for (size_t i = 0; i < own; ++i) {
    const std::string& name = opened.model.params()[i].name;
    const bool expected =
        absl::EndsWith(name, ".weight") && !absl::StrContains(name, "pos_query") &&
        (absl::StrContains(name, "query") || absl::StrContains(name, "value") || absl::StrContains(name, "q_lin") ||
         absl::StrContains(name, "v_lin") || absl::StrContains(name, "q_proj") || absl::StrContains(name, "v_proj") ||
         absl::StrContains(name, "attn.q.") || absl::StrContains(name, "attn.v.") ||
         absl::StrContains(name, "Attention.q.") || absl::StrContains(name, "Attention.v."));
    EXPECT_EQ(at::equal(folded[i], opened.params[i]), !expected) << name;
    changed += expected ? 1 : 0;
  }
  folded.insert(folded.end(), without.begin() + static_cast<int64_t>(own), without.end());
  const at::Tensor after = opened.model.Forward(opened.params, batch).logits;
  EXPECT_LT(MaxDifference(plain.Forward(folded, batch).logits, after), 1e-12);
  EXPECT_GT(MaxDifference(before, after), 1e-3);
  int updates = 0;
  for (size_t i = 0; i < opened.params.size(); ++i) {
    const ParamInfo& info = opened.model.params()[i];
    if (info.group != ParamGroup::kLora) {
      continue;
    }
    ++updates;
    EXPECT_FALSE(info.decay);
    const auto matrix =
        std::find_if(opened.model.params().begin(), opened.model.params().end(), [&](const ParamInfo& one) {
          return info.name == absl::StrCat("lora.", one.name, info.name.substr(info.name.size() - 2));
        });
    ASSERT_NE(matrix, opened.model.params().end()) << info.name;
    EXPECT_EQ(info.layer, matrix->layer);
    EXPECT_EQ(info.shape, absl::EndsWith(info.name, ".A") ? std::vector<int64_t>({2, matrix->shape[1]})
                                                          : std::vector<int64_t>({matrix->shape[0], 2}));
  }
  EXPECT_EQ(updates, 2 * changed);
}

TEST_P(ArchitectureTest, MeanFeaturesAreThoseOfAllTokens) {
  const at::NoGradGuard no_grad;
  const Opened mask(GetParam(), ModelSpec::MASK);
  const Opened mean(GetParam(), ModelSpec::MEAN);
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>({5, 21, 9}), std::vector<int64_t>({6, 6})}) {
    const Batch batch = mask.RandomBatch(lengths);
    const at::Tensor states = mask.model.encoder().States(
        mask.params, TextsOf(batch),
        mask.model.encoder().Embedded(mask.params, mask.model.SoftVectors(mask.params), TextsOf(batch)));
    const at::Tensor read = mask.model.encoder().ReadStates(mask.params, TextsOf(batch), EncoderState(), states);
    const ModelOutput of_mask = mask.model.Forward(mask.params, batch);
    const ModelOutput of_mean = mean.model.Forward(mean.params, batch);
    int64_t first = 0;
    for (int64_t b = 0; b < RowsOf(batch); ++b) {
      const int64_t length = lengths[static_cast<size_t>(b)];
      const at::Tensor own = states.narrow(0, first, length);
      EXPECT_LT(MaxDifference(of_mean.features[b], own.mean(0)), 1e-12);
      EXPECT_LT(MaxDifference(of_mask.features[b], HasDecoder(GetParam()) ? read[b] : own[b % 2 == 0 ? 2 : length - 1]),
                1e-12);
      first += length;
    }
    EXPECT_LT(MaxDifference(of_mean.read, of_mask.read), 1e-12);
    EXPECT_LT(MaxDifference(of_mean.logits, of_mask.logits), 1e-12);
    EXPECT_EQ(of_mask.read.sizes(), at::IntArrayRef({RowsOf(batch), mask.model.head_width()}));
  }
}

// One prefix per applied layer, with the layer number of the parameters that are applied.
TEST_P(ArchitectureTest, PrefixesHaveTheLayersOfTheirQueries) {
  const Opened opened(GetParam(), ModelSpec::MASK);
  std::vector<std::pair<std::string, LayerPlaces>> layers;  // with the parts of the names
  for (const LayerPlaces& one : opened.model.encoder().layout().layers) {
    layers.emplace_back(absl::StrCat(layers.size()), one);
  }
  for (size_t j = 0; j < opened.model.encoder().layout().decoder_layers.size(); ++j) {
    layers.emplace_back(absl::StrCat("decoder.", j), opened.model.encoder().layout().decoder_layers[j].own);
    layers.emplace_back(absl::StrCat("cross.", j), opened.model.encoder().layout().decoder_layers[j].cross);
  }
  size_t found = 0;
  for (const ParamInfo& info : opened.model.params()) {
    if (absl::StartsWith(info.name, "prompt.prefix.")) {
      const auto& [part, places] = layers.at(found / 2);
      EXPECT_EQ(info.name, absl::StrCat("prompt.prefix.", part, found % 2 == 0 ? ".key" : ".value"));
      EXPECT_EQ(info.layer, places.number);
      EXPECT_EQ(info.shape, std::vector<int64_t>({2, opened.model.params()[places.key].shape[0]}));
      EXPECT_EQ(info.group, ParamGroup::kPrompt);
      ++found;
    }
  }
  EXPECT_EQ(found, 2 * layers.size());
}

// A bias of 60 on each key of a text leaves no weight to a prefix, which has no bias: the result is the same as without
// a prefix.
TEST(PrefixTest, AnMpnetsRelativeBiasIsZeroForIt) {
  const at::NoGradGuard no_grad;
  const Opened opened("mpnet", ModelSpec::MASK);
  const PromptModel without(
      [] {
        ModelSpec spec = DeepSpecWith(ModelSpec::MASK, 2);
        spec.mutable_prompt()->set_prefix_length(0);
        return spec;
      }(),
      *opened.checkpoint.encoder, kSoft);
  const size_t relative = opened.model.encoder().layout().relative_bias;
  const ParamList cut(opened.params.begin(), opened.params.begin() + static_cast<int64_t>(without.params().size()));
  for (const std::vector<int64_t>& lengths : {std::vector<int64_t>({5, 21, 9}), std::vector<int64_t>({6, 6})}) {
    const Batch batch = opened.RandomBatch(lengths);
    for (const double bias : {0.0, 60.0}) {
      ParamList biased = opened.params;
      biased[relative] = opened.params[relative] + bias;
      const double difference =
          MaxDifference(opened.model.Forward(biased, batch).logits, without.Forward(cut, batch).logits);
      if (bias > 0) {
        EXPECT_LT(difference, 1e-12);
      } else {
        EXPECT_GT(difference, 1e-3);
      }
    }
  }
}

// A prefix has no position: queries attend to it in local layers, too, and it is not turned.
TEST(PrefixTest, LocalLayersSeeIt) {
  const Opened opened("modernbert", ModelSpec::MASK);
  EncoderConfig config = opened.checkpoint.encoder->config();
  config.local_layers.assign(config.local_layers.size(), true);
  config.window = 0;
  const PromptModel model(DeepSpecWith(ModelSpec::MASK, 2), Encoder(config, /*with_head=*/true), kSoft);
  const ParamList leaves = WithGraph(opened.params);
  const Batch batch = opened.RandomBatch({21});
  const at::Tensor loss = model.Loss(model.Forward(leaves, batch), batch);
  const ParamList gradient = torch::autograd::grad({loss}, leaves, {}, false, false, /*allow_unused=*/true);
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (absl::StartsWith(model.params()[i].name, "prompt.prefix.")) {
      EXPECT_GT(gradient[i].abs().max().item<double>(), 1e-6) << model.params()[i].name;
    } else if (model.params()[i].group == ParamGroup::kPrompt) {
      // Tokens of the text attend only to themselves, and the slot that is read is not a soft vector.
      EXPECT_TRUE(!gradient[i].defined() || gradient[i].abs().max().item<double>() == 0) << model.params()[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ArchitectureTest, testing::ValuesIn(EncoderGoldens()), GoldenTestName);

// What the decoder reads is chosen independently of the features, with and without layers computed beforehand.
TEST(ReadTest, AMeanOfAllStates) {
  for (const char* name : {"bert", "bert-no-head"}) {
    const Opened opened(name, ModelSpec::MEAN);
    const Encoder& encoder = opened.model.encoder();
    const Batch batch = opened.RandomBatch({5, 9, 3});
    const ModelOutput at_mask = opened.model.Forward(opened.params, batch);
    const at::Tensor mean = at_mask.features;
    const at::Tensor unit = mean / mean.norm(2, {1}, /*keepdim=*/true);
    for (const ModelSpec::Features read : {ModelSpec::MEAN, ModelSpec::UNIT_MEAN}) {
      for (const ModelSpec::Features features : {ModelSpec::MASK, ModelSpec::MEAN, ModelSpec::UNIT_MEAN}) {
        ModelSpec spec = DeepSpecWith(features, 2);
        spec.set_read(read);
        const PromptModel model(spec, *opened.checkpoint.encoder, kSoft);
        const ModelOutput output = model.Forward(opened.params, batch);
        // Without a head, read.scale and read.shift are still 1 and 0.
        const at::Tensor to_read = read == ModelSpec::MEAN ? mean : unit;
        EXPECT_LT(MaxDifference(output.read, encoder.Transformed(opened.params, to_read)), 1e-11) << name;
        EXPECT_GT(MaxDifference(output.read, at_mask.read), 1e-3) << name;
        if (features != ModelSpec::MASK) {
          EXPECT_LT(MaxDifference(output.features, features == ModelSpec::MEAN ? mean : unit), 1e-11) << name;
        }
        for (int layer = 1; layer <= 4; ++layer) {
          const Batch lowered = model.CacheBelow(opened.params, batch, layer);
          EXPECT_LT(MaxDifference(model.Forward(opened.params, lowered).logits, output.logits), 1e-12) << name << layer;
        }
      }
    }
  }
}

// A gradient only in the updates computes none for the matrices.
TEST(LoraTest, OnlyItsOwnGradientIsComputed) {
  const Opened opened("bert", ModelSpec::MASK);
  const Batch batch = opened.RandomBatch({5, 9});
  ParamList params = opened.params;
  ParamList adapted;
  for (size_t i = 0; i < params.size(); ++i) {
    if (opened.model.params()[i].group == ParamGroup::kLora) {
      params[i] = params[i].detach().requires_grad_(true);
      adapted.push_back(params[i]);
    }
    EXPECT_EQ(opened.model.PerTask(i), opened.model.params()[i].group == ParamGroup::kPrompt);
  }
  const ParamList found =
      torch::autograd::grad({opened.model.Loss(opened.model.Forward(params, batch), batch)}, adapted);
  const ParamList leaves = WithGraph(opened.params);
  const ParamList all = torch::autograd::grad({opened.model.Loss(opened.model.Forward(leaves, batch), batch)}, leaves);
  size_t next = 0;
  for (size_t i = 0; i < all.size(); ++i) {
    if (opened.model.params()[i].group == ParamGroup::kLora) {
      EXPECT_LT(MaxDifference(found[next++], all[i]), 1e-14);
      EXPECT_GT(all[i].abs().max().item<double>(), 1e-8) << opened.model.params()[i].name;
    }
  }
  EXPECT_EQ(next, 8);
}

}  // namespace
}  // namespace metaprompt

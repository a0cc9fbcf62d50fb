// Features of models other than logits, for each architecture: low-rank updates, features, and prefixes.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"
#include "tests/helpers/opened_checkpoint.h"

namespace metaprompt {
namespace {

class ArchitectureTest : public testing::TestWithParam<std::string> {};

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

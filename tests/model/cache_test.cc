// Layers that are computed beforehand, for each architecture.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"
#include "tests/helpers/opened_checkpoint.h"
#include "tests/helpers/param_lists.h"

namespace metaprompt {
namespace {

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

INSTANTIATE_TEST_SUITE_P(All, ArchitectureTest, testing::ValuesIn(EncoderGoldens()), GoldenTestName);

}  // namespace
}  // namespace metaprompt

// Positions of tokens: rotary positions, and the keys that a query attends to.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/operations/reach.h"
#include "metaprompt/operations/rms_norm.h"
#include "metaprompt/operations/rotary.h"
#include "metaprompt/operations/text_attention.h"
#include "metaprompt/operations/text_products.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/pack_texts.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

constexpr int64_t kHeads = 3;
constexpr int64_t kDepth = 4;

TEST(RotaryTest, PointsAreTurnedByTheirPosition) {
  const double theta = 100;  // angles t and t / 10
  const RotaryTable table = MakeRotaryTable(8, kDepth, theta, at::kDouble, at::kCPU);
  const at::Tensor positions = at::tensor({0, 5, 1, 7}, at::kLong);
  Random random(1);
  const at::Tensor x = RandomTensor({4, kHeads * kDepth}, &random);
  const at::Tensor y = Rotated(x, table, positions);
  EXPECT_TRUE(at::equal(y[0], x[0]));
  for (int64_t n = 0; n < 4; ++n) {
    for (int64_t h = 0; h < kHeads; ++h) {
      for (int64_t i = 0; i < 2; ++i) {
        const double angle = positions[n].item<double>() * std::pow(theta, -static_cast<double>(i) / 2);
        const double a = x[n][h * kDepth + i].item<double>();
        const double b = x[n][h * kDepth + i + 2].item<double>();
        EXPECT_NEAR(y[n][h * kDepth + i].item<double>(), a * std::cos(angle) - b * std::sin(angle), 1e-6);
        EXPECT_NEAR(y[n][h * kDepth + i + 2].item<double>(), b * std::cos(angle) + a * std::sin(angle), 1e-6);
      }
    }
  }
  const at::Tensor rounded = Rotated(x.to(at::kBFloat16), table, positions);
  EXPECT_EQ(rounded.scalar_type(), at::kBFloat16);
  EXPECT_LT(MaxDifference(rounded.to(at::kDouble), y), 0.05);
  // <y, v> is linear in x: its gradient is v rotated back, and the gradient of <gradient, u> with respect to v is u
  // rotated.
  const at::Tensor leaf = x.clone().requires_grad_(true);
  const at::Tensor v = RandomTensor(x.sizes(), &random).requires_grad_(true);
  const at::Tensor u = RandomTensor(x.sizes(), &random);
  const at::Tensor back =
      torch::autograd::grad({(Rotated(leaf, table, positions) * v).sum()}, {leaf}, {}, true, true)[0];
  EXPECT_LT(MaxDifference(Rotated(back, table, positions), v), 1e-6);
  EXPECT_LT(MaxDifference(torch::autograd::grad({(back * u).sum()}, {v})[0], Rotated(u, table, positions)), 1e-12);
}

// Packed and padded texts, with each token as a query and with one query per text.
TEST(ReachTest, KeysOutOfReachHaveNoWeight) {
  const std::vector<int64_t> lengths = {5, 1, 7};
  std::vector<PromptedText> texts;
  for (const int64_t length : lengths) {
    PromptedText text;
    text.ids.assign(static_cast<size_t>(length), 1);
    text.read_at = length - 1 - static_cast<int64_t>(texts.size() / 2);
    texts.push_back(text);
  }
  const TextInputs inputs = PackTexts(texts, Answers());
  Random random(2);
  const at::Tensor query = RandomTensor({13, kHeads * kDepth}, &random);
  const at::Tensor key = RandomTensor({13, kHeads * kDepth}, &random);
  const at::Tensor value = RandomTensor({13, kHeads * kDepth}, &random);
  for (const Reach& reach : {Reach{2, 2}, Reach{Reach::kAll, 0}, Reach{0, 3}, Reach{6, 6}}) {
    EXPECT_EQ(reach.IsAll(7), reach.before == 6);
    for (const bool one_query : {false, true}) {
      const at::Tensor bias = ReachBias(reach, inputs, one_query);
      const at::Tensor rows = one_query ? query.index_select(0, inputs.packing().read_from) : query;
      const at::Tensor found = AttendWithinTexts(rows, key, value, AttentionPlaces(inputs.spans(), one_query), kHeads,
                                                 0.5, 0, {}, reach, one_query ? inputs.read_at() : at::Tensor());
      int64_t row = 0;
      int64_t first = 0;
      for (size_t b = 0; b < lengths.size(); ++b) {
        for (int64_t i = 0; i < lengths[b]; ++i) {
          if (one_query && i != texts[b].read_at) {
            continue;
          }
          const int64_t from = reach.before > i ? 0 : i - reach.before;
          const int64_t end = reach.after < lengths[b] - 1 - i ? i + reach.after + 1 : lengths[b];
          for (int64_t j = 0; j < lengths[b]; ++j) {
            const double of_key = bias[one_query ? static_cast<int64_t>(b) : 0][0][one_query ? 0 : i][j].item<double>();
            EXPECT_EQ(of_key, j >= from && j < end ? 0 : static_cast<float>(kHidden));
          }
          for (int64_t h = 0; h < kHeads; ++h) {
            const auto head = [&](const at::Tensor& x) { return x.narrow(-1, h * kDepth, kDepth); };
            const at::Tensor keys = head(key).narrow(0, first + from, end - from);
            const at::Tensor weights = at::softmax(keys.mv(head(rows)[row]) * 0.5, 0);
            const at::Tensor mixed = head(value).narrow(0, first + from, end - from).t().mv(weights);
            EXPECT_LT(MaxDifference(head(found)[row], mixed), 1e-12);
          }
          ++row;
        }
        first += lengths[b];
      }
      EXPECT_EQ(row, found.size(0));
    }
  }
}

// In bfloat16, texts are padded, and padding attends to no key of its text.
TEST(ReachTest, PaddingOutOfReachLeavesGradientsFinite) {
  const Checkpoint checkpoint = *OpenCheckpoint(absl::StrCat(kEncoderGoldens, "modernbert"), /*allow_unknown=*/false);
  EncoderConfig config = checkpoint.encoder->config();
  config.window = 1;
  PromptModel model(ModelSpec(), Encoder(config, /*with_head=*/true), /*num_soft=*/0);
  std::vector<PromptedText> texts(2);
  texts[0].ids.assign(2, 5);
  texts[1].ids.assign(12, 7);
  const Answers answers = {at::tensor({7, 8}, at::kLong).view({2, 1}), at::ones({2, 1})};
  const Batch batch = PackBatch(texts, {0, 1}, answers);
  const ParamList leaves = WithGraph(model.WithSoftPrompt(checkpoint.params, 5));
  const auto gradient = [&](bool bfloat16) {
    model.set_bfloat16(bfloat16);
    return torch::autograd::grad({model.Loss(model.Forward(leaves, batch), batch)}, leaves, {}, false, false,
                                 /*allow_unused=*/true);
  };
  const ParamList exact = gradient(false);
  const ParamList rough = gradient(true);
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (exact[i].defined()) {
      EXPECT_LT((rough[i] - exact[i]).norm().item<double>(), 0.2 * exact[i].norm().item<double>() + 1e-4)
          << model.params()[i].name;
    }
  }
}

TEST(RmsNormTest, RowsHaveTheirWeightsAsRoots) {
  const at::Tensor x = at::tensor({3.0, -4.0, 0.0, 1.0}, at::kDouble).view({2, 2});
  const at::Tensor y = RmsNorm(x, at::tensor({1.0, 10.0}, at::kDouble), 0.5);
  const double first = 1 / std::sqrt(12.5 + 0.5);
  EXPECT_LT(MaxDifference(y, at::tensor({3 * first, -40 * first, 0.0, 10.0}, at::kDouble).view({2, 2})), 1e-12);
}

}  // namespace
}  // namespace metaprompt

// The encoder's layers in bfloat16: compares each kernel with the formula in double precision, and the whole encoder
// with float32. A bfloat16 has 8 significant bits, so rounding to it has a relative error of at most 2^-8.
#include "metaprompt/encoders/bfloat16_layers.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/base/random.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/operations/autocast.h"
#include "metaprompt/operations/bfloat16_kernels.h"
#include "metaprompt/operations/text_products.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {
namespace {

const double kRounding = std::ldexp(1.0, -8);

at::Tensor RandomFloats(std::vector<int64_t> shape, Random* random) {
  at::Tensor values = at::empty(shape, at::kFloat);
  for (int64_t i = 0; i < values.numel(); ++i) {
    values.data_ptr<float>()[i] = static_cast<float>(random->Normal());
  }
  return values;
}

at::Tensor SpansOf(const std::vector<int64_t>& lengths) {
  at::Tensor spans = at::empty({static_cast<int64_t>(lengths.size()), 2}, at::kLong);
  int64_t first = 0;
  for (size_t b = 0; b < lengths.size(); ++b) {
    spans[static_cast<int64_t>(b)][0] = first;
    spans[static_cast<int64_t>(b)][1] = lengths[b];
    first += lengths[b];
  }
  return spans;
}

// The largest difference, minus the error that rounding the result to bfloat16 may add.
double BeyondRounding(const at::Tensor& found, const at::Tensor& expected) {
  return ((found.to(at::kDouble) - expected).abs() - kRounding * expected.abs()).max().item<double>();
}

TEST(Bfloat16KernelsTest, AttentionIsTheFormulaRoundedOnce) {
  constexpr int64_t kHeads = 3;
  constexpr int64_t kDepth = 32;
  constexpr int64_t kWidth = kHeads * kDepth;
  Random random(1);
  const std::vector<int64_t> lengths = {1, 5, 15, 16, 17, 33, 64};
  const at::Tensor spans = SpansOf(lengths);
  const int64_t tokens = 151;
  for (const bool one_query : {false, true}) {
    for (const double scale : {0.2, 40.0}) {  // the second: nearly all weight is on one key, and exp would overflow
      const int64_t queries = one_query ? static_cast<int64_t>(lengths.size()) : tokens;
      const at::Tensor query = RandomFloats({queries, kWidth}, &random).to(at::kBFloat16);
      const at::Tensor key = RandomFloats({tokens, kWidth}, &random).to(at::kBFloat16);
      const at::Tensor value = RandomFloats({tokens, kWidth}, &random).to(at::kBFloat16);
      const at::Tensor places = AttentionPlaces(spans, one_query);
      const at::Tensor found = AttendInBfloat16(query, key, value, places, kHeads, scale);
      for (size_t b = 0; b < lengths.size(); ++b) {
        const at::Tensor place = places[static_cast<int64_t>(b)];
        const auto part = [&](const at::Tensor& x, int64_t first, int64_t h) {
          return x.to(at::kDouble)
              .narrow(0, place[first].item<int64_t>(), place[first + 1].item<int64_t>())
              .narrow(1, h * kDepth, kDepth);
        };
        for (int64_t h = 0; h < kHeads; ++h) {
          const at::Tensor weights = at::softmax(at::matmul(part(query, 0, h), part(key, 2, h).t()) * scale, -1);
          EXPECT_LT(BeyondRounding(part(found, 0, h), at::matmul(weights, part(value, 2, h))), scale * 1e-5)
              << lengths[b] << " tokens, scale " << scale;
        }
      }
      // A text alone has the same bits.
      const int64_t first = spans[4][0].item<int64_t>();
      const int64_t first_query = one_query ? 4 : first;
      const int64_t count = one_query ? 1 : lengths[4];
      EXPECT_TRUE(at::equal(AttendInBfloat16(query.narrow(0, first_query, count), key.narrow(0, first, lengths[4]),
                                             value.narrow(0, first, lengths[4]),
                                             AttentionPlaces(SpansOf({lengths[4]}), one_query), kHeads, scale),
                            found.narrow(0, first_query, count)));
    }
  }
}

TEST(Bfloat16KernelsTest, APrefixIsKeysBeforeThoseOfTheText) {
  Random random(5);
  const at::Tensor query = RandomFloats({14, 32}, &random).to(at::kBFloat16);
  const at::Tensor key = RandomFloats({14, 32}, &random).to(at::kBFloat16);
  const at::Tensor value = RandomFloats({14, 32}, &random).to(at::kBFloat16);
  const at::Tensor both = AttendInBfloat16(query, key, value, AttentionPlaces(SpansOf({14}), false), 2, 0.3);
  // With the first five tokens as a prefix, the other nine attend to the same keys.
  const auto rest = [](const at::Tensor& x) { return x.narrow(0, 5, 9).contiguous(); };
  const at::Tensor found = AttendInBfloat16(rest(query), rest(key), rest(value), AttentionPlaces(SpansOf({9}), false),
                                            2, 0.3, key.narrow(0, 0, 5), value.narrow(0, 0, 5));
  EXPECT_LT(BeyondRounding(found, rest(both).to(at::kDouble)), 1e-5);
}

TEST(Bfloat16KernelsTest, LayerNormOfASum) {
  Random random(2);
  const at::Tensor states = RandomFloats({7, 48}, &random) + 3;
  const at::Tensor added = RandomFloats({7, 48}, &random).to(at::kBFloat16);
  const at::Tensor weight = RandomFloats({48}, &random);
  const at::Tensor bias = RandomFloats({48}, &random);
  const NormedStates normed = AddAndNorm(states, added, weight, bias, 0.1);
  const auto exact = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const at::Tensor expected = at::layer_norm(exact(states) + exact(added), {48}, exact(weight), exact(bias), 0.1);
  EXPECT_LT((normed.states - expected).abs().max().item<double>(), 1e-5);
  EXPECT_TRUE(at::equal(normed.bfloat16, normed.states.to(at::kBFloat16))) << "rounded as LibTorch rounds";
}

TEST(Bfloat16KernelsTest, ATableHasEveryNumber) {
  const Bfloat16Table table([](const at::Tensor& x) { return at::gelu(x); });
  Random random(3);
  const at::Tensor numbers = (RandomFloats({1, 4099}, &random) * 3).to(at::kBFloat16);
  at::Tensor found = numbers.clone();
  table.Apply(&found);
  EXPECT_TRUE(at::equal(found, at::gelu(numbers.to(at::kFloat)).to(at::kBFloat16)));
  at::Tensor ends = at::tensor({-INFINITY, -0.0F, INFINITY, 0.0F, 3e38F}).to(at::kBFloat16);
  const Bfloat16Table relu([](const at::Tensor& x) { return at::relu(x); });
  relu.Apply(&ends);
  EXPECT_TRUE(at::equal(ends, at::tensor({0.0F, 0.0F, INFINITY, 0.0F, 3e38F}).to(at::kBFloat16)));
}

class Bfloat16LayersTest : public testing::Test {
 protected:
  static constexpr int kLayers = 3;

  Bfloat16LayersTest() : encoder_(Config(), /*with_head=*/false) {
    Random random(4);
    for (const ParamInfo& info : encoder_.params()) {
      const at::Tensor param = RandomFloats(info.shape, &random) * (info.decay ? 0.2 : 0.1);
      params_.push_back(info.name.find("LayerNorm.weight") == std::string::npos ? param : param + 1);
    }
    rounded_ = WithBfloat16Matrices(encoder_.layout(), params_);
    std::vector<PromptedText> texts;
    for (const int64_t length : {3, 20, 9, 17}) {
      PromptedText text;
      for (int64_t t = 0; t < length; ++t) {
        text.ids.push_back(static_cast<int64_t>(random.Below(50)));
      }
      text.read_at = length / 2;
      texts.push_back(text);
    }
    texts_ = PackTexts(texts, Answers());
  }

  static EncoderConfig Config() {
    BertSpec bert;
    bert.set_layers(kLayers);
    bert.set_width(32);
    bert.set_heads(2);
    bert.set_intermediate(64);
    bert.set_max_positions(24);
    return BertConfig(bert, 50);
  }

  at::Tensor States(const ParamList& params, bool slots_alone) const {
    const EncoderState embedded = encoder_.Embedded(params, at::Tensor(), texts_);
    return slots_alone ? encoder_.StatesToRead(params, texts_, embedded) : encoder_.States(params, texts_, embedded);
  }

  Encoder encoder_;
  ParamList params_;
  ParamList rounded_;
  TextInputs texts_;
};

// A number is rounded 14 times per layer: for six matrices, and where products, attention and the activation read or
// write. If the errors within a layer are independent, and those of different layers add up in the worst case, the root
// mean square of the relative error is at most layers * sqrt(14) * 2^-8.
TEST_F(Bfloat16LayersTest, StatesAreWithinRoundingOfFloat32) {
  const at::NoGradGuard no_grad;
  ASSERT_TRUE(TakesBfloat16Layers(encoder_.config(), encoder_.layout(), rounded_));
  ASSERT_FALSE(TakesBfloat16Layers(encoder_.config(), encoder_.layout(), params_));
  const auto size = [](const at::Tensor& x) { return x.square().mean().sqrt().item<double>(); };
  for (const bool slots_alone : {false, true}) {
    const at::Tensor expected = States(params_, slots_alone);
    const at::Tensor found = States(rounded_, slots_alone);
    ASSERT_EQ(found.scalar_type(), at::kFloat);
    EXPECT_LT(size(found - expected), kLayers * std::sqrt(14.0) * kRounding * size(expected));
    EXPECT_GT(size(found - expected), kRounding * size(expected) / 4) << "bfloat16 was used";
  }
  const at::Tensor all = States(rounded_, false);
  EXPECT_LT(size(States(rounded_, true) - all.index_select(0, texts_.packing().read_from)), 2 * kRounding);
  // In two parts.
  const EncoderState embedded = encoder_.Embedded(rounded_, at::Tensor(), texts_);
  const EncoderState half = encoder_.Advanced(rounded_, texts_, embedded, 2);
  EXPECT_LT(size(encoder_.States(rounded_, texts_, half) - all), 2 * kRounding);
}

// With keys and values of a prefix before those of the texts.
TEST_F(Bfloat16LayersTest, PrefixesAreWithinRoundingOfFloat32) {
  const at::NoGradGuard no_grad;
  Random random(6);
  const at::Tensor without = States(rounded_, /*slots_alone=*/false);
  for (const ParamInfo& info : encoder_.AddPrefixes(5, params_.size())) {
    params_.push_back(RandomFloats(info.shape, &random));
  }
  rounded_ = WithBfloat16Matrices(encoder_.layout(), params_);
  ASSERT_TRUE(TakesBfloat16Layers(encoder_.config(), encoder_.layout(), rounded_));
  const auto size = [](const at::Tensor& x) { return x.square().mean().sqrt().item<double>(); };
  for (const bool slots_alone : {false, true}) {
    const at::Tensor expected = States(params_, slots_alone);
    EXPECT_LT(size(States(rounded_, slots_alone) - expected), kLayers * std::sqrt(14.0) * kRounding * size(expected));
  }
  EXPECT_GT(size(States(rounded_, false) - without), 0.1 * size(without)) << "the prefix matters";
}

// If a gradient is recorded, Autocast uses the rounded matrices, with the same result as without a gradient.
TEST_F(Bfloat16LayersTest, AutocastTakesRoundedMatrices) {
  const Autocast autocast(true, at::kCPU);
  EXPECT_FALSE(TakesBfloat16Layers(encoder_.config(), encoder_.layout(), rounded_));
  EXPECT_TRUE(at::equal(States(rounded_, false), States(params_, false)));
}

}  // namespace
}  // namespace metaprompt

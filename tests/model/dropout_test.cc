// Dropout: which numbers the masks drop, that they do not depend on how a pass is computed, and its derivatives.
#include "metaprompt/operations/dropout.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/operations/text_attention.h"
#include "metaprompt/operations/text_products.h"
#include "metaprompt/prompts/pack_texts.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

// Computed in Python from the definition in dropout.h: PlaceSeed(7, 4), and which of the first 16 columns of rows 0 and
// 3 are dropped with a rate of 0.5.
TEST(DropoutTest, MasksAreThoseOfTheDefinition) {
  EXPECT_EQ(PlaceSeed(7, 4), 0x73d33b666a1e21daU);
  const at::Tensor numbers = at::tensor({0, 3}, at::kLong);
  const at::Tensor dropped = Dropped(at::ones({2, 16}), 0.5, MaskRows(PlaceSeed(7, 4), 2, 16, numbers));
  const at::Tensor expected =
      at::tensor({0.0F, 1.0F, 0.0F, 1.0F, 0.0F, 0.0F, 1.0F, 0.0F, 0.0F, 0.0F, 0.0F, 0.0F, 1.0F, 0.0F, 1.0F, 0.0F,
                  0.0F, 1.0F, 1.0F, 1.0F, 1.0F, 0.0F, 1.0F, 1.0F, 1.0F, 0.0F, 0.0F, 0.0F, 1.0F, 1.0F, 1.0F, 1.0F},
                 at::kFloat)
          .view({2, 16}) *
      2;
  EXPECT_TRUE(at::equal(dropped, expected)) << dropped;
}

TEST(DropoutTest, DropsTheRateAndKeepsTheMean) {
  constexpr int64_t kRows = 2000;
  constexpr int64_t kColumns = 768;
  for (const double rate : {0.1, 0.5}) {
    const at::Tensor x = Dropped(at::ones({kRows, kColumns}), rate, MaskRows(1, kRows, kColumns, {}));
    const at::Tensor zero = x.eq(0).to(at::kDouble);
    EXPECT_TRUE(at::equal(x, (1 - zero).to(at::kFloat) * static_cast<float>(1 / (1 - rate))));
    const double sd = std::sqrt(rate * (1 - rate) / (kRows * kColumns));
    EXPECT_NEAR(zero.mean().item<double>(), rate, 4 * sd);
    // Rows and columns are independent: their means spread like those of independent numbers.
    for (const int dim : {0, 1}) {
      const double of_mean = std::sqrt(rate * (1 - rate) / (dim == 0 ? kRows : kColumns));
      EXPECT_NEAR(zero.mean(dim).std().item<double>() / of_mean, 1, 0.12) << dim;
    }
    // So are neighbours, in either direction.
    for (const int dim : {0, 1}) {
      const at::Tensor a = zero.narrow(dim, 0, zero.size(dim) - 1);
      const at::Tensor b = zero.narrow(dim, 1, zero.size(dim) - 1);
      EXPECT_NEAR((a * b).mean().item<double>(), rate * rate, 4 * rate / std::sqrt(1.0 * a.numel())) << dim;
    }
  }
}

TEST(DropoutTest, SameBitsOnAnyNumberOfThreads) {
  const at::Tensor rows = MaskRows(2, 300, 70, {});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor one = Dropped(at::ones({300, 70}), 0.3, rows);
  at::set_num_threads(3);
  EXPECT_TRUE(at::equal(Dropped(at::ones({300, 70}), 0.3, rows), one));
  at::set_num_threads(threads);
}

// The operations on tensors, which GPUs need, give the masks of the loop.
TEST(DropoutTest, FactorsAreTheMasks) {
  const at::Tensor numbers = at::tensor({0, 5, 3, 1000000007}, at::kLong);
  const std::vector<uint64_t> seeds = {0, 7, 0xfedcba9876543210U};
  for (const double rate : {0.1, 0.5, 0.9}) {
    const at::Tensor factors = MaskFactors(seeds, rate, numbers, 300, at::kFloat);
    ASSERT_EQ(factors.sizes(), at::IntArrayRef({3, 4, 300}));
    for (size_t s = 0; s < seeds.size(); ++s) {
      EXPECT_TRUE(at::equal(factors[static_cast<int64_t>(s)],
                            Dropped(at::ones({4, 300}), rate, MaskRows(seeds[s], 4, 300, numbers))));
    }
  }
}

TEST(DropoutTest, ItsDerivativesAreItself) {
  Random random(3);
  const at::Tensor rows = MaskRows(5, 4, 6, {});
  const at::Tensor mask = Dropped(at::ones({4, 6}, at::kDouble), 0.3, rows);
  const at::Tensor x = RandomTensor({4, 6}, &random).requires_grad_(true);
  const at::Tensor y = Dropped(x, 0.3, rows);
  EXPECT_TRUE(at::equal(y, x * mask));
  const at::Tensor grad = torch::autograd::grad({(y * y).sum()}, {x}, {}, true, /*create_graph=*/true)[0];
  EXPECT_LT(MaxDifference(grad, 2 * x * mask * mask), 1e-15);
  const at::Tensor second = torch::autograd::grad({(grad * grad).sum()}, {x})[0];
  EXPECT_LT(MaxDifference(second, 8 * x * mask.pow(4)), 1e-14);
}

// The same numbers are dropped with attention text by text or in padded texts, for all tokens or only those that are
// read, and in several parts or one pass.
TEST(DropoutTest, EveryWayOfComputingAPassDropsTheSame) {
  EncoderConfig config;
  config.vocab_size = 40;
  config.width = config.embedding_width = 12;
  config.heads = 3;
  config.intermediate = 20;
  config.layers = config.layer_groups = 3;
  config.max_positions = 16;
  const Encoder encoder(config, /*with_head=*/true);
  ParamList params;
  Random random(9);
  for (const ParamInfo& info : encoder.params()) {
    params.push_back(RandomTensor(info.shape, &random) * 0.3);
  }
  const TextInputs texts(at::arange(1, 15, at::kLong), at::tensor({0, 6, 6, 3, 9, 5}, at::kLong).view({3, 2}),
                         at::tensor({4, 0, 2}, at::kLong), Answers());
  const Dropout dropout{0.25, 0.5, 11};
  const EncoderState embedded = encoder.Embedded(params, {}, texts, dropout);
  const at::Tensor states = encoder.States(params, texts, embedded, dropout);
  EXPECT_GT(MaxDifference(states, encoder.States(params, texts, encoder.Embedded(params, {}, texts))), 0.1);
  EXPECT_GT(MaxDifference(states, encoder.States(params, texts, embedded, {0.25, 0.5, 12})), 0.1);
  EXPECT_TRUE(at::equal(states, encoder.States(params, texts, embedded, dropout)));
  const EncoderState half = encoder.Advanced(params, texts, embedded, 2, dropout);
  EXPECT_TRUE(at::equal(states, encoder.States(params, texts, half, dropout)));
  EXPECT_LT(MaxDifference(encoder.StatesToRead(params, texts, embedded, dropout),
                          states.index_select(0, texts.packing().read_from)),
            1e-13);
  // In bfloat16 and with a bias, attention is computed in padded texts.
  ParamList narrow;
  for (const at::Tensor& param : params) {
    narrow.push_back(param.to(at::kBFloat16));
  }
  const EncoderState start = encoder.Embedded(narrow, {}, texts, dropout);
  const at::Tensor rough = encoder.States(narrow, texts, start, dropout).to(at::kDouble);
  EXPECT_LT(MaxDifference(rough, states), 0.1 * states.abs().max().item<double>());
  EXPECT_LT(MaxDifference(encoder.StatesToRead(narrow, texts, start, dropout).to(at::kDouble),
                          rough.index_select(0, texts.packing().read_from)),
            0.05);
}

// The same for each architecture: in several parts or one pass, and for all tokens or only those that are read. The
// layers drop hidden states and attention weights; the seed decides which.
TEST(DropoutTest, EveryArchitectureDropsTheSameInEveryPass) {
  const TextInputs texts(at::arange(1, 36, at::kLong), at::tensor({0, 21, 21, 5, 26, 9}, at::kLong).view({3, 2}),
                         at::tensor({17, 0, 2}, at::kLong),
                         WithStart(Answers(), {0, 3}));  // only a decoder uses the start
  for (const std::string& name : EncoderGoldens()) {
    SCOPED_TRACE(name);
    const Checkpoint checkpoint = *OpenCheckpoint(absl::StrCat(kEncoderGoldens, name), /*allow_unknown=*/false);
    const Encoder& encoder = *checkpoint.encoder;
    ParamList params;
    for (const at::Tensor& param : checkpoint.params) {
      params.push_back(param.to(at::kDouble));
    }
    for (const Dropout& dropout : {Dropout{0.25, 0, 11}, Dropout{0, 0.5, 11}}) {
      const EncoderState embedded = encoder.Embedded(params, {}, texts, dropout);
      const at::Tensor states = encoder.States(params, texts, embedded, dropout);
      EXPECT_GT(MaxDifference(states, encoder.States(params, texts, embedded)), 0.1);
      EXPECT_GT(MaxDifference(states, encoder.States(params, texts, embedded, {dropout.hidden, dropout.attention, 12})),
                0.1);
      const at::Tensor read = encoder.ReadStates(params, texts, embedded, states, dropout);
      EXPECT_EQ(at::equal(read, states.index_select(0, texts.packing().read_from)), !HasDecoder(name));
      EXPECT_GT(MaxDifference(
                    read, encoder.ReadStates(params, texts, embedded, states, {dropout.hidden, dropout.attention, 12})),
                HasDecoder(name) ? 0.1 : -1);
      EXPECT_LT(MaxDifference(encoder.StatesToRead(params, texts, embedded, dropout), read), 1e-12);
      for (const size_t part : {size_t{1}, encoder.num_layers() + encoder.layout().decoder_layers.size() / 2}) {
        const EncoderState some = encoder.Advanced(params, texts, embedded, part, dropout);
        EXPECT_TRUE(at::equal(states, encoder.States(params, texts, some, dropout)));
        if (part < encoder.num_layers() || HasDecoder(name)) {
          EXPECT_LT(MaxDifference(encoder.StatesToRead(params, texts, some, dropout), read), 1e-12);
        }
      }
    }
  }
}

// The weights that AttendWithinTexts drops are those of the padded layout [B, H, T, T].
TEST(DropoutTest, RowsOfPairsAreRowsOfTheirQueries) {
  const at::Tensor spans = at::tensor({0, 3, 3, 2}, at::kLong).view({2, 2});
  constexpr int64_t kHeads = 2;
  const at::Tensor all = MaskRowsOfPairs(4, AttentionPlaces(spans, false), kHeads, {});
  const at::Tensor pairs = Dropped(at::ones({(9 + 4) * kHeads}), 0.5, all);
  int64_t place = 0;
  for (int64_t b = 0; b < 2; ++b) {
    const int64_t first = spans[b][0].item<int64_t>();
    const int64_t count = spans[b][1].item<int64_t>();
    for (int64_t h = 0; h < kHeads; ++h) {
      for (int64_t q = 0; q < count; ++q, place += count) {
        const at::Tensor number = at::tensor({(first + q) * kHeads + h}, at::kLong);
        const at::Tensor row = Dropped(at::ones({1, count}), 0.5, MaskRows(4, 1, count, number));
        EXPECT_TRUE(at::equal(pairs.narrow(0, place, count), row[0])) << b << h << q;
      }
    }
  }
  // With one query per text, the query's own number counts.
  const at::Tensor read = at::tensor({2, 3}, at::kLong);
  const at::Tensor one =
      Dropped(at::ones({(3 + 2) * kHeads}), 0.5, MaskRowsOfPairs(4, AttentionPlaces(spans, true), kHeads, read));
  EXPECT_TRUE(at::equal(one.narrow(0, 0, 3), pairs.narrow(0, 6, 3)));
  EXPECT_TRUE(at::equal(one.narrow(0, 3, 3), pairs.narrow(0, 15, 3)));
  EXPECT_TRUE(at::equal(one.narrow(0, 6, 2), pairs.narrow(0, 18, 2)));
}

}  // namespace
}  // namespace metaprompt

// Dense layers in bfloat16, and their derivatives. All values are small whole numbers, so that each sum is exact, and
// results do not depend on the order of summation.
#include "metaprompt/operations/bfloat16_linear.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <iostream>
#include <vector>

#include "metaprompt/base/random.h"
#include "metaprompt/model/params.h"
#include "metaprompt/operations/amx_product.h"

namespace metaprompt {
namespace {

// Whole numbers from -most to most.
at::Tensor Whole(at::IntArrayRef shape, int64_t most, Random* random) {
  at::Tensor values = at::empty(shape, at::kFloat);
  for (int64_t i = 0; i < values.numel(); ++i) {
    const auto below = random->Below(static_cast<uint64_t>(2 * most + 1));
    values.data_ptr<float>()[i] = static_cast<float>(static_cast<int64_t>(below) - most);
  }
  return values;
}

bool Equal(const at::Tensor& a, const at::Tensor& b) { return a.to(at::kFloat).equal(b.to(at::kFloat)); }

// Sizes below, at and above those of a tile; long sums; more columns than fit into a core's cache.
TEST(AmxProductTest, IsTheRoundedProductForEverySizeTypeAndThreadCount) {
  if (!HasAmx()) {
    GTEST_SKIP() << "no AMX here";
  }
  struct Size {
    int64_t m, n, k;
  };
  Random random(1);
  for (const Size& size : std::vector<Size>{{1, 1, 1},
                                            {5, 16, 33},
                                            {16, 17, 32},
                                            {33, 31, 7},
                                            {37, 65, 64},
                                            {64, 96, 130},
                                            {40, 1400, 1000},
                                            {700, 768, 40}}) {
    for (int bits = 0; bits < 32; ++bits) {
      const bool a_t = (bits & 1) != 0;
      const bool b_t = (bits & 2) != 0;
      const bool in_bfloat16 = (bits & 4) != 0;
      const bool out_bfloat16 = (bits & 8) != 0;
      const bool with_bias = (bits & 16) != 0;
      const at::ScalarType type = in_bfloat16 ? at::kBFloat16 : at::kFloat;
      const at::Tensor a = (a_t ? Whole({size.k, size.m}, 9, &random) : Whole({size.m, size.k}, 9, &random)).to(type);
      const at::Tensor b = (b_t ? Whole({size.n, size.k}, 9, &random) : Whole({size.k, size.n}, 9, &random)).to(type);
      const at::Tensor bias = Whole({size.n}, 99, &random);
      at::Tensor expected = at::mm((a_t ? a.t() : a).to(at::kFloat), (b_t ? b.t() : b).to(at::kFloat));
      expected = (with_bias ? expected + bias : expected).to(at::kBFloat16);
      for (const int threads : {1, 3}) {
        at::set_num_threads(threads);
        // The row after the result must not change.
        const at::Tensor space = at::full({size.m + 1, size.n}, -7, out_bfloat16 ? at::kBFloat16 : at::kFloat);
        AmxProduct(size.m, size.n, size.k, {a.data_ptr(), in_bfloat16, a.size(1), a_t},
                   {b.data_ptr(), in_bfloat16, b.size(1), b_t}, with_bias ? bias.data_ptr<float>() : nullptr,
                   {space.data_ptr(), out_bfloat16});
        EXPECT_TRUE(Equal(space.narrow(0, 0, size.m), expected))
            << size.m << " x " << size.n << " x " << size.k << ", bits " << bits << ", " << threads << " threads";
        EXPECT_TRUE(space[size.m].eq(-7).all().item<bool>());
      }
    }
  }
  at::set_num_threads(1);
}

// With factors that are exact in bfloat16, the layer and its first and second derivatives equal those in float32.
TEST(Bfloat16LinearTest, HasTheDerivativesOfALinearMap) {
  Random random(2);
  for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
    std::vector<ParamList> found;
    const ParamList values = {Whole({5, 7}, 1, &random), Whole({3, 7}, 1, &random), Whole({3}, 1, &random)};
    const at::Tensor weights = Whole({5, 3}, 1, &random);
    const ParamList second = {Whole({5, 7}, 1, &random), Whole({3, 7}, 1, &random), Whole({3}, 1, &random)};
    for (const bool exact : {true, false}) {
      ParamList leaves;
      for (size_t i = 0; i < values.size(); ++i) {
        leaves.push_back(values[i].to(i == 0 && !exact ? type : at::kFloat).detach().requires_grad_(true));
      }
      EXPECT_EQ(TakesBfloat16Linear(leaves[0], leaves[1]), true);
      const at::Tensor y =
          (exact ? at::linear(leaves[0], leaves[1], leaves[2]) : Bfloat16Linear(leaves[0], leaves[1], leaves[2]))
              .to(at::kFloat);
      EXPECT_TRUE(exact || Bfloat16Linear(leaves[0], leaves[1], leaves[2]).scalar_type() == at::kBFloat16);
      const ParamList first = torch::autograd::grad({(y * y * weights).sum()}, leaves, {}, true, true);
      at::Tensor sum = at::zeros({});
      for (size_t i = 0; i < first.size(); ++i) {
        EXPECT_EQ(first[i].scalar_type(), leaves[i].scalar_type());
        sum = sum + (first[i].to(at::kFloat) * second[i]).sum();
      }
      ParamList all = torch::autograd::grad({sum}, leaves);
      all.insert(all.end(), first.begin(), first.end());
      all.push_back(y);
      found.push_back(all);
    }
    for (size_t i = 0; i < found[0].size(); ++i) {
      EXPECT_TRUE(Equal(found[0][i], found[1][i])) << "tensor " << i << "\n" << found[0][i] << found[1][i];
    }
  }
}

}  // namespace
}  // namespace metaprompt

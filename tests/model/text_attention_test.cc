// Attention within texts, compared with the formula in LibTorch's operations, computed per text and head. Autograd
// differentiates the formula.
#include "metaprompt/operations/text_attention.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "metaprompt/base/random.h"
#include "metaprompt/operations/text_products.h"
#include "tests/helpers/differences.h"

namespace metaprompt {
namespace {

constexpr int64_t kHeads = 3;
constexpr int64_t kWidth = 12;
const double kScale = 1 / std::sqrt(4.0);

struct Texts {
  std::vector<int64_t> lengths;
  bool one_query;

  int64_t Tokens() const {
    int64_t sum = 0;
    for (const int64_t length : lengths) {
      sum += length;
    }
    return sum;
  }
  int64_t Queries() const { return one_query ? static_cast<int64_t>(lengths.size()) : Tokens(); }
  at::Tensor Spans() const {
    at::Tensor spans = at::empty({static_cast<int64_t>(lengths.size()), 2}, at::kLong);
    int64_t first = 0;
    for (size_t b = 0; b < lengths.size(); ++b) {
      spans[static_cast<int64_t>(b)][0] = first;
      spans[static_cast<int64_t>(b)][1] = lengths[b];
      first += lengths[b];
    }
    return spans;
  }
  at::Tensor Ours(const ParamList& qkv) const {
    return AttendWithinTexts(qkv[0], qkv[1], qkv[2], AttentionPlaces(Spans(), one_query), kHeads, kScale);
  }
  at::Tensor WrittenOut(const ParamList& qkv) const {
    std::vector<at::Tensor> texts;
    int64_t first = 0;
    for (size_t b = 0; b < lengths.size(); ++b) {
      const int64_t query = one_query ? static_cast<int64_t>(b) : first;
      const int64_t queries = one_query ? 1 : lengths[b];
      std::vector<at::Tensor> heads;
      for (int64_t h = 0; h < kHeads; ++h) {
        const auto part = [&](const at::Tensor& x, int64_t from, int64_t rows) {
          return x.narrow(0, from, rows).narrow(1, h * kWidth / kHeads, kWidth / kHeads);
        };
        const at::Tensor scores =
            at::matmul(part(qkv[0], query, queries), part(qkv[1], first, lengths[b]).t()) * kScale;
        heads.push_back(at::matmul(at::softmax(scores, -1), part(qkv[2], first, lengths[b])));
      }
      texts.push_back(at::cat(heads, 1));
      first += lengths[b];
    }
    return at::cat(texts);
  }
};

// The derivative of Σ result · c, and the derivative of Σ of that times v.
std::vector<at::Tensor> TwoDerivatives(const at::Tensor& result, const at::Tensor& c, const ParamList& qkv,
                                       const ParamList& v) {
  std::vector<at::Tensor> grads = torch::autograd::grad({(result * c).sum()}, qkv, {}, true, /*create_graph=*/true);
  at::Tensor along = at::zeros({}, at::kDouble);
  for (size_t i = 0; i < qkv.size(); ++i) {
    along = along + (grads[i] * v[i]).sum();
  }
  const std::vector<at::Tensor> second = torch::autograd::grad({along}, qkv);
  grads.insert(grads.end(), second.begin(), second.end());
  return grads;
}

TEST(TextAttentionTest, IsTheFormulaToTheSecondDerivative) {
  Random random(1);
  for (const bool one_query : {false, true}) {
    const Texts texts{{3, 1, 17, 400, 9, 40}, one_query};  // 400: long enough for products in several strips
    ParamList qkv;
    ParamList v;
    for (const int64_t rows : {texts.Queries(), texts.Tokens(), texts.Tokens()}) {
      qkv.push_back(RandomTensor({rows, kWidth}, &random));
      v.push_back(RandomTensor({rows, kWidth}, &random));
    }
    EXPECT_LT(MaxDifference(texts.Ours(qkv), texts.WrittenOut(qkv)), 1e-14);
    ParamList floats;
    for (const at::Tensor& x : qkv) {
      floats.push_back(x.to(at::kFloat));
    }
    EXPECT_LT(MaxDifference(texts.Ours(floats), texts.WrittenOut(qkv)), 2e-6);

    const ParamList leaves = WithGraph(qkv);
    const at::Tensor c = RandomTensor({texts.Queries(), kWidth}, &random);
    const std::vector<at::Tensor> ours = TwoDerivatives(texts.Ours(leaves), c, leaves, v);
    const std::vector<at::Tensor> plain = TwoDerivatives(texts.WrittenOut(leaves), c, leaves, v);
    for (size_t i = 0; i < ours.size(); ++i) {
      EXPECT_LT(MaxDifference(ours[i], plain[i]), 1e-12) << "derivative " << i;
    }
  }
}

TEST(TextAttentionTest, ATextsBitsDoNotDependOnItsCompany) {
  Random random(2);
  const Texts all{{30, 5, 23}, false};
  ParamList qkv;
  for (int i = 0; i < 3; ++i) {
    qkv.push_back(RandomTensor({all.Tokens(), kWidth}, &random).to(at::kFloat));
  }
  const at::Tensor together = all.Ours(qkv);
  ParamList last;
  for (const at::Tensor& x : qkv) {
    last.push_back(x.narrow(0, 35, 23).contiguous());
  }
  EXPECT_TRUE(at::equal(together.narrow(0, 35, 23), Texts{{23}, false}.Ours(last)));
}

TEST(TextAttentionTest, AThirdDerivativeIsAnErrorThatSaysSo) {
  Random random(3);
  const Texts texts{{4, 2}, false};
  ParamList qkv;
  for (int i = 0; i < 3; ++i) {
    qkv.push_back(RandomTensor({texts.Tokens(), kWidth}, &random));
  }
  const ParamList leaves = WithGraph(qkv);
  const at::Tensor first =
      torch::autograd::grad({texts.Ours(leaves).square().sum()}, {leaves[0]}, {}, true, /*create_graph=*/true)[0];
  std::string error;
  try {
    torch::autograd::grad({first.square().sum()}, {leaves[0]}, {}, true, /*create_graph=*/true);
  } catch (const c10::Error& e) {
    error = e.what();
  }
  EXPECT_THAT(error, testing::HasSubstr("no third derivative"));
}

}  // namespace
}  // namespace metaprompt

// Numbers that are not finite: found in tensors of each type, and refused in files and checkpoints.
#include "metaprompt/model/finite.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/safetensors.h"

namespace metaprompt {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(FiniteTest, FindsEachNumberThatIsNone) {
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    const at::Tensor good = at::arange(6).to(type).view({2, 3});
    EXPECT_TRUE(AllFinite(good));
    EXPECT_TRUE(CheckFinite("it", good).ok());
    for (const double bad : {kInf, -kInf, std::nan("")}) {
      at::Tensor tensor = good.clone();
      tensor[1][0] = bad;
      tensor[1][2] = -bad;  // the sum of two infinities is not infinite
      EXPECT_EQ(CheckFinite("it", tensor).message(),
                absl::StrCat("it: 2 of 6 numbers are not finite; the first is number 4, ", std::isnan(bad) ? "nan"
                                                                                           : bad > 0       ? "inf"
                                                                                                           : "-inf"));
    }
  }
  // Sums that overflow although each number is finite; integers; an empty tensor.
  EXPECT_TRUE(AllFinite(at::full({4}, 3e38, at::kFloat)));
  EXPECT_TRUE(AllFinite(at::full({4}, 60000, at::kHalf)));
  EXPECT_TRUE(AllFinite(at::full({4}, std::numeric_limits<int64_t>::max(), at::kLong)));
  EXPECT_TRUE(AllFinite(at::empty({0})));
  EXPECT_TRUE(AllFinite(at::Tensor()));
}

TEST(FiniteTest, NamesTheParameter) {
  const std::vector<ParamInfo> infos = {{"first", {2}}, {"second", {2}}};
  EXPECT_TRUE(CheckFinite(infos, {at::ones({2}), at::Tensor(), at::full({1}, kInf)}).ok());
  EXPECT_EQ(CheckFinite(infos, {at::ones({2}), at::full({2}, kInf)}).message(),
            "second: 2 of 2 numbers are not finite; the first is number 1, inf");
}

TEST(FiniteTest, NoFileGetsOne) {
  const std::string path = testing::TempDir() + "/finite.safetensors";
  TensorFile file;
  file.tensors = {{"a", at::ones({2})}, {"b", at::full({1}, kInf)}};
  EXPECT_EQ(WriteSafetensors(path, file).message(),
            absl::StrCat("cannot write ", path, ": b: 1 of 1 numbers are not finite; the first is number 1, inf"));
  EXPECT_FALSE(ReadFile(path).ok());
}

}  // namespace
}  // namespace metaprompt

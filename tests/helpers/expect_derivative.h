// Compares gradients of a learner with finite differences.
#ifndef TESTS_HELPERS_EXPECT_DERIVATIVE_H_
#define TESTS_HELPERS_EXPECT_DERIVATIVE_H_

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "metaprompt/base/random.h"
#include "metaprompt/model/params.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/test_device.h"

namespace metaprompt {

// Expects that `grads` are the derivative of `f` at `meta`, along one random direction per group of the parameters that
// may be learned. An undefined gradient counts as zero.
template <typename Function>
void ExpectDerivative(const std::vector<ParamInfo>& infos, const std::vector<bool>& may, const ParamList& meta,
                      const ParamList& grads, double tolerance, const Function& f) {
  std::map<ParamGroup, ParamList> directions;
  Random random(5);
  for (size_t i = 0; i < meta.size(); ++i) {
    if (may[i]) {
      ParamList& direction = directions[infos[i].group];
      direction.resize(meta.size());
      direction[i] = OnTestDevice(Unit(RandomTensor(meta[i].sizes(), &random)) * 0.3);
    }
  }
  for (const auto& [group, direction] : directions) {
    const auto difference = Difference<double>(meta, direction, f);
    EXPECT_NEAR(Dot(grads, direction), difference, tolerance * std::max(1e-2, std::abs(difference)))
        << "group " << static_cast<int>(group);
  }
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_EXPECT_DERIVATIVE_H_

// Meta-SGD, compared with its closed form.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/quadratic_world.h"

namespace metaprompt {
namespace {

// The closed form of MAML++'s step sizes (maml_test.cc), with one step size per number, the same in each step.
TEST(MetaSgdTest, StepSizesHaveTheirClosedForm) {
  QuadraticWorld world;
  Random random(8);
  constexpr int kSteps = 3;
  for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
    LearnerSpec spec = QuadraticSpec(kSteps, ScopeSpec::ALL, ScopeSpec::ALL, way);
    spec.mutable_meta_sgd();
    const std::unique_ptr<Learner> learner = MakeLearner(spec);
    const at::Tensor alpha = (RandomTensor({kSize}, &random) * 0.05 + 0.15).abs();
    ParamList meta = world.params();
    meta.push_back(alpha.narrow(0, 0, kEncoderSize).clone());
    meta.push_back(alpha.narrow(0, kEncoderSize, kPromptSize).clone());
    ASSERT_EQ(MetaInfos(world.model, *learner).size(), meta.size());
    EXPECT_EQ(MetaInfos(world.model, *learner)[3].name, "step_size.prompt");
    const at::Tensor m = StepMap(at::diag(alpha), world.support);
    std::vector<at::Tensor> theta = {world.theta};
    for (int k = 0; k < kSteps; ++k) {
      theta.push_back(world.support.c + m.matmul(theta.back() - world.support.c));
    }
    at::Tensor adjoint = Gradient(world.query, theta.back());
    at::Tensor of_alpha = at::zeros({kSize}, at::kDouble);
    for (int k = kSteps - 1; k >= 0; --k) {
      of_alpha -= Gradient(world.support, theta[static_cast<size_t>(k)]) * adjoint;
      adjoint = m.t().matmul(adjoint);
    }
    const TaskGradient task = learner->MetaGradient(world.model, meta, world.episode, 0);
    ExpectGradient(task.grads, adjoint, ScopeSpec::ALL, "Meta-SGD");
    EXPECT_LT(MaxDifference(at::cat({task.grads[2], task.grads[3]}), of_alpha), kTolerance);
  }
}

}  // namespace
}  // namespace metaprompt

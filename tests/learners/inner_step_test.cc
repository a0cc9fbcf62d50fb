// One inner step of AdamW, with a graph and without.
#include "learners/inner/inner_step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "learners/inner/adamw.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/quadratic_world.h"
#include "tests/helpers/test_device.h"

namespace metaprompt {
namespace {

// With AdamW as the inner rule, the first step is α g / √(g² + ε²), weight decay applies only to parameters that decay,
// and the meta-gradient through both moments agrees with differences, with the graph kept and recomputed.
TEST(InnerAdamWTest, StepsAndMetaGradient) {
  QuadraticWorld world;
  LearnerSpec spec = QuadraticSpec(1);
  spec.mutable_maml();
  InnerSpec& inner = *spec.mutable_inner();
  inner.set_optimizer(InnerSpec::ADAMW);
  inner.set_epsilon(0.3);
  inner.set_weight_decay(0.2);  // has no effect: no parameter here decays
  const at::Tensor g = Gradient(world.support, world.theta);
  const at::Tensor expected = world.theta - Rates(ScopeSpec::ALL).matmul(g * at::rsqrt(g * g + 0.09));
  EXPECT_LT(
      MaxDifference(at::cat(MakeLearner(spec)->Adapt(world.model, world.params(), world.episode.support).model.params),
                    expected),
      kTolerance);
  inner.set_steps(7);
  inner.set_beta1(0.7);
  inner.set_beta2(0.9);
  spec.mutable_maml()->mutable_multi_step();
  spec.mutable_maml()->set_learned_rates(true);
  ParamList keep;
  for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
    spec.mutable_meta_gradient()->set_way(way);
    const std::unique_ptr<Learner> learner = MakeLearner(spec);
    ParamList meta = world.params();
    meta.push_back(learner->InitOwn(world.model, 0)[0].to(at::kDouble));
    const TaskGradient task = learner->MetaGradient(world.model, meta, world.episode, 120);
    Random random(9);
    for (int trial = 0; trial < 3; ++trial) {
      ParamList direction;
      for (const at::Tensor& param : meta) {
        direction.push_back(RandomTensor(param.sizes(), &random));
      }
      const auto objective = [&](const ParamList& at) {
        return learner->MetaGradient(world.model, at, world.episode, 120).objective;
      };
      const double difference = Difference<double>(meta, direction, objective);
      EXPECT_NEAR(Dot(task.grads, direction), difference, 1e-8 * std::max(1.0, std::abs(difference)));
    }
    for (size_t i = 0; i < keep.size(); ++i) {
      EXPECT_LT(MaxDifference(task.grads[i], keep[i]), 1e-12);
    }
    keep = task.grads;
  }
}

// Gradients whose joint norm exceeds clip_norm are scaled to it, with a graph and without.
TEST(InnerStepTest, LongGradientsAreScaledDown) {
  InnerSpec inner;
  inner.set_clip_norm(0.5);
  const std::vector<InnerRate> rates = {InnerRate{1, {}}, InnerRate{1, {}}, InnerRate{0, {}}};
  const ParamList zeros(3, at::zeros({2}, at::kDouble));
  const auto moved = [&](const ParamList& grads) {
    return InnerStep(inner, rates, {false, false, false}, 0, 1, grads, {zeros, {}, {}}).params;
  };
  // Parameters that do not move do not count.
  const ParamList grads = {at::tensor({3.0, 0.0}), at::tensor({0.0, 4.0}), at::tensor({1e9, 0.0})};
  for (const bool graph : {false, true}) {
    const at::AutoGradMode mode(graph);
    const ModelParams step = moved(grads);
    EXPECT_LT(MaxDifference(step[0], at::tensor({-0.3, 0.0})), 1e-15);
    EXPECT_LT(MaxDifference(step[1], at::tensor({0.0, -0.4})), 1e-15);
    const ModelParams small = moved({grads[0] * 0.1, grads[1] * 0.1, grads[2]});
    EXPECT_TRUE(at::equal(small[0], grads[0] * -0.1));
  }
}

// Without a graph, a step is one pass over memory, or a few operations on the list of all parameters. Both must be the
// same step as the operations with a graph.
class InnerAdamWPlaceTest : public ::testing::TestWithParam<InnerSpec::EpsilonPlace> {};

INSTANTIATE_TEST_SUITE_P(, InnerAdamWPlaceTest, ::testing::Values(InnerSpec::INSIDE, InnerSpec::OUTSIDE));

TEST_P(InnerAdamWPlaceTest, StepsAlikeWithAGraphAndWithout) {
  InnerSpec inner;
  inner.set_epsilon_place(GetParam());
  inner.set_optimizer(InnerSpec::ADAMW);
  inner.set_epsilon(0.01);
  inner.set_weight_decay(0.2);
  const std::vector<InnerRate> rates = {InnerRate{0.1, {}}, InnerRate{0.3, {}}, InnerRate{0.0, {}}};
  const std::vector<bool> decay = {true, false, true};
  Random random(11);
  ParamList params;
  for (const int64_t rows : {501, 3, 2}) {
    params.push_back(OnTestDevice(RandomTensor({rows, 211}, &random).t()));  // not in order
  }
  // The first step, by the formula: α g / √(g² + ε²) or α g / (|g| + ε), and decay.
  const at::Tensor g = OnTestDevice(RandomTensor(params[0].sizes(), &random));
  const at::Tensor size = GetParam() == InnerSpec::INSIDE ? at::sqrt(g * g + 1e-4) : g.abs() + 0.01;
  EXPECT_LT(MaxDifference(InnerStep(inner, rates, decay, 0, 1, {g, {}, {}}, {params, {}, {}}).params[0],
                          params[0] - (g / size + params[0] * 0.2) * 0.1),
            1e-14);
  InnerState with_graph{params, {}, {}};
  InnerState without{params, {}, {}};
  const double inside = GetParam() == InnerSpec::INSIDE ? 1e-4 : 0;
  const double outside = GetParam() == InnerSpec::OUTSIDE ? 0.01 : 0;
  ParamList together = {params[0], params[1]};
  ParamList first(2);
  ParamList second(2);
  for (int64_t step = 0; step < 4; ++step) {
    ParamList grads;
    for (const at::Tensor& param : params) {
      grads.push_back(OnTestDevice(RandomTensor(param.sizes(), &random)));
    }
    grads[2] = at::Tensor();
    const auto t = static_cast<double>(step + 1);
    const InnerAdamW constants = {
        inner.beta1(), inner.beta2(), 1 / (1 - std::pow(inner.beta1(), t)), 1 / (1 - std::pow(inner.beta2(), t)),
        inside,        outside};
    InnerAdamWSteps(constants, {0.2, 0}, {0.05, 0.15}, {grads[0], grads[1]}, &together, &first, &second);
    with_graph = InnerStep(inner, rates, decay, step, 0.5, grads, with_graph);
    const at::NoGradGuard no_grad;
    without = InnerStep(inner, rates, decay, step, 0.5, grads, without);
  }
  for (size_t i = 0; i < params.size(); ++i) {
    EXPECT_LT(MaxDifference(with_graph.params[i], without.params[i]), 1e-14);
    EXPECT_EQ(MaxDifference(params[i], without.params[i]) == 0, i == 2);
    EXPECT_LT(i == 2 ? 0 : MaxDifference(with_graph.params[i], together[i]), 1e-14);
  }
  EXPECT_FALSE(without.first[2].defined());
}

// A step writes only into tensors that nobody but the state owns. The bits are the same in place and with copies.
TEST(InnerAdamWTest, StepsInPlaceWhereNobodyElseHoldsTheNumbers) {
  const at::NoGradGuard no_grad;
  InnerSpec inner;
  inner.set_optimizer(InnerSpec::ADAMW);
  inner.set_weight_decay(0.1);
  const std::vector<InnerRate> rates = {InnerRate{0.1, {}}, InnerRate{0.1, {}}};
  const std::vector<bool> decay = {true, true};
  Random random(12);
  const ParamList start = {RandomTensor({300, 401}, &random), RandomTensor({7}, &random)};
  const ParamList before = Detached(start);
  InnerState owned{start, {}, {}};
  InnerState shared{start, {}, {}};
  std::vector<InnerState> held;  // every state stays as it was
  std::vector<ParamList> copies;
  for (int64_t step = 0; step < 4; ++step) {
    ParamList grads;
    for (const at::Tensor& param : start) {
      grads.push_back(RandomTensor(param.sizes(), &random));
    }
    at::set_num_threads(step % 2 == 0 ? 2 : 1);
    const void* const place = owned.params[0].data_ptr();
    owned = InnerStep(inner, rates, decay, step, 1.0, grads, std::move(owned));
    EXPECT_EQ(owned.params[0].data_ptr() == place, step > 0) << step;
    at::set_num_threads(1);
    held.push_back(shared);
    copies.push_back(Detached(shared.params.params));
    shared = InnerStep(inner, rates, decay, step, 1.0, grads, shared);
    for (size_t i = 0; i < start.size(); ++i) {
      EXPECT_TRUE(owned.params[i].equal(shared.params[i]));
      EXPECT_TRUE(owned.first[i].equal(shared.first[i]));
      EXPECT_TRUE(owned.second[i].equal(shared.second[i]));
      EXPECT_TRUE(start[i].equal(before[i]));
    }
  }
  for (size_t k = 0; k < held.size(); ++k) {
    EXPECT_TRUE(held[k].params[0].equal(copies[k][0]));
  }
  // A view is another owner, too.
  const at::Tensor view = owned.params[0].view({-1});
  const at::Tensor copy = view.clone();
  owned = InnerStep(inner, rates, decay, 4, 1.0, before, std::move(owned));
  EXPECT_TRUE(view.equal(copy));
}

// At a gradient of 0, √ has no derivative.
TEST(InnerAdamWTest, IsFiniteWhereTheGradientIsZero) {
  QuadraticWorld world;
  LearnerSpec spec = QuadraticSpec(3);
  spec.mutable_maml();
  spec.mutable_inner()->set_optimizer(InnerSpec::ADAMW);
  const ParamList at_minimum = {world.support.c.narrow(0, 0, kEncoderSize).clone(),
                                world.support.c.narrow(0, kEncoderSize, kPromptSize).clone()};
  const TaskGradient task = MakeLearner(spec)->MetaGradient(world.model, at_minimum, world.episode, 0);
  EXPECT_TRUE(at::isfinite(at::cat(task.grads)).all().item<bool>());
}

}  // namespace
}  // namespace metaprompt

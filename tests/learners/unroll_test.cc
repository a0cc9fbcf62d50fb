// When the meta-gradient is recomputed, and what cannot be differentiated twice.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <exception>
#include <utility>

#include "learners/papers/make_learner.h"
#include "tests/helpers/quadratic_world.h"

namespace metaprompt {
namespace {

// Uses an operation that LibTorch, at least up to 2.15, can differentiate only once: the CTC loss of Graves et al.
// 2006.
class OnceModel : public QuadraticModel {
 public:
  using QuadraticModel::QuadraticModel;
  at::Tensor Loss(const ModelOutput& output, const Batch& batch) const override {
    const at::Tensor x = output.features.reshape({-1, 1, 1});
    const at::Tensor log_probabilities = at::log_softmax(at::cat({at::zeros_like(x), x, -x}, 2), 2);
    return QuadraticModel::Loss(output, batch) +
           at::ctc_loss(log_probabilities, at::ones({1, 1}, at::kLong), {x.size(0)}, {1});
  }
};

TEST(UnrollTest, WhatCannotBeDifferentiatedTwiceIsAnErrorThatNamesIt) {
  QuadraticWorld world;
  const OnceModel model({world.support, world.query});
  for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
    LearnerSpec spec = QuadraticSpec(2, ScopeSpec::ALL, ScopeSpec::ALL, way);
    spec.mutable_maml();
    try {
      MakeLearner(spec)->MetaGradient(model, world.params(), world.episode, 0);
      ADD_FAILURE() << "no error";
    } catch (const std::exception& error) {
      EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("can be differentiated only once: "),
                                                 ::testing::HasSubstr("_ctc_loss_backward"),
                                                 ::testing::HasSubstr("set learner.maml.order to FIRST")));
    }
    spec.mutable_maml()->set_order(MamlSpec::FIRST);
    EXPECT_NO_THROW(MakeLearner(spec)->MetaGradient(model, world.params(), world.episode, 0));
  }
}

// A model with a large estimate of its graph's memory, which decides if the spec leaves the choice.
class LargeModel : public QuadraticModel {
 public:
  using QuadraticModel::QuadraticModel;
  double GraphBytes(const Batch& /*batch*/) const override { return 100.0 * (1 << 20); }
};

TEST(UnrollTest, TheGraphIsKeptWhereItsEstimateFits) {
  QuadraticWorld world;
  const LargeModel model({world.support, world.query});
  LearnerSpec spec = QuadraticSpec(3, ScopeSpec::ALL, ScopeSpec::ALL, MetaGradientSpec::AUTO);
  spec.mutable_maml();
  for (const auto& [mib, recomputed] : {std::make_pair(999, true), std::make_pair(1001, false)}) {
    spec.mutable_meta_gradient()->set_max_graph_mib(mib);  // three steps of three times 100, and a query of 100
    const TaskGradient task = MakeLearner(spec)->MetaGradient(model, world.params(), world.episode, 0);
    EXPECT_EQ(task.recomputed, recomputed) << mib;
  }
}

}  // namespace
}  // namespace metaprompt

// Reptile, compared with its closed form.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "tests/helpers/quadratic_world.h"

namespace metaprompt {
namespace {

TEST(ReptileTest, DirectionIsTheClosedForm) {
  QuadraticWorld world;
  for (const ScopeSpec::Part adapts : kParts) {
    for (const bool train_on_query : {false, true}) {
      for (const int steps : {0, 1, 2, 5}) {
        const std::string what =
            absl::StrCat("adapts=", ScopeSpec::Part_Name(adapts), " query=", train_on_query, " k=", steps);
        LearnerSpec spec = QuadraticSpec(steps, adapts);
        spec.mutable_reptile()->set_train_on_query(train_on_query);
        const at::Tensor rates = Rates(adapts);
        const at::Tensor m = StepMap(rates, world.support);
        const at::Tensor plain = (at::eye(kSize, at::kDouble) - Power(m, steps)).matmul(world.theta - world.support.c);
        // In turns: M_s multiplies θ − c_s, then M_q multiplies θ − c_q, and so on.
        at::Tensor theta = world.theta;
        double loss = 0;
        for (int k = 0; k < steps; ++k) {
          const Quadratic& q = train_on_query && k % 2 == 1 ? world.query : world.support;
          loss = Value(q, theta);
          theta = q.c + StepMap(rates, q).matmul(theta - q.c);
        }
        const std::unique_ptr<Learner> learner = MakeLearner(spec);
        const ParamList meta = world.params();
        const TaskGradient task = learner->MetaGradient(world.model, meta, world.episode, 0);
        ExpectGradient(task.grads, train_on_query ? world.theta - theta : plain, adapts, what);
        EXPECT_NEAR(task.query_loss, loss, kTolerance) << what;
        // At test there is no query set to alternate with.
        const ParamList adapted = learner->Adapt(world.model, meta, world.episode.support).model.params;
        EXPECT_LT((world.theta - at::cat(adapted) - plain).abs().max().item<double>(), kTolerance) << what;
        EXPECT_TRUE(at::equal(at::cat(meta), world.theta)) << what;
      }
    }
  }
}

}  // namespace
}  // namespace metaprompt

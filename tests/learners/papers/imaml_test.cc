// Implicit MAML, compared with its closed form and with differences at the minimum.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/expect_derivative.h"
#include "tests/helpers/quadratic_world.h"
#include "tests/helpers/toy_tasks.h"

namespace metaprompt {
namespace {

// λ (A_s + λ)⁻¹ A_q (φ − c_q) for the parameters that adapt, at φ = (A_s + λ)⁻¹ (A_s c_s + λ θ). Parameters that are
// learned but do not adapt have their direct derivative and the one through φ.
TEST(ImamlTest, MetaGradientIsTheClosedForm) {
  QuadraticWorld world;
  constexpr double kLambda = 0.7;
  for (const ScopeSpec::Part adapts : kParts) {
    for (const ScopeSpec::Part learns : kParts) {
      LearnerSpec spec = QuadraticSpec(2000, adapts, learns);
      spec.mutable_imaml()->set_lambda(kLambda);
      spec.mutable_imaml()->set_cg_steps(20);
      spec.mutable_imaml()->set_cg_tolerance(1e-14);
      // P projects onto the parameters that adapt: φ = θ − P (P A P + λ)⁻¹ P A (θ − c).
      const at::Tensor p = Rates(adapts, 1, 1);
      const at::Tensor solve =
          p.matmul(at::linalg_inv(p.matmul(world.support.a).matmul(p) + kLambda * at::eye(kSize, at::kDouble)))
              .matmul(p);
      const at::Tensor phi = world.theta - solve.matmul(Gradient(world.support, world.theta));
      const at::Tensor outer = Gradient(world.query, phi);
      const at::Tensor jacobian = at::eye(kSize, at::kDouble) - solve.matmul(world.support.a);  // ∂φ/∂θ
      const std::string what =
          absl::StrCat("adapts=", ScopeSpec::Part_Name(adapts), " learns=", ScopeSpec::Part_Name(learns));
      const std::unique_ptr<Learner> learner = MakeLearner(spec);
      EXPECT_LT(
          MaxDifference(at::cat(learner->Adapt(world.model, world.params(), world.episode.support).model.params), phi),
          kTolerance)
          << what;
      const TaskGradient task = learner->MetaGradient(world.model, world.params(), world.episode, 0);
      ExpectGradient(task.grads, jacobian.t().matmul(outer), learns, what);
      EXPECT_NEAR(task.query_loss, Value(world.query, phi), kTolerance) << what;
    }
  }
}

// If the inner steps reach their minimum, the implicit gradient is the gradient of the query loss there.
TEST(ImamlConformanceTest, GradientIsThatOfTheMinimum) {
  SetOperationThreads(1);
  for (const std::string adapts : {"ALL", "LORA"}) {
    const PromptModel& model = ToyModel(adapts == "LORA" ? ToyModelKind::kLora : ToyModelKind::kPlain);
    LearnerSpec spec;
    spec.mutable_imaml()->set_lambda(512);
    spec.mutable_imaml()->set_cg_steps(200);
    spec = WithSettings(
        spec,
        absl::StrCat("inner { steps: 14 encoder_lr: 0.001953125 prompt_lr: 0.001953125 lora_lr: 0.001953125 class_lr: ",
                     adapts == "ALL" ? "0.001953125" : "0", " } adapts { part: ", adapts, " }"));
    const std::unique_ptr<Learner> learner = MakeLearner(spec);
    const Episode episode = BuildEpisode(MakeToyTask(16, 2, 2));
    const ParamList meta = LocalParams(model.params(), WholeParams(model, *learner, true), episode.rows);
    const TaskGradient task = learner->MetaGradient(model, meta, episode, 0);
    ExpectDerivative(
        model.params(), std::vector<bool>(meta.size(), true), meta, task.grads, 1e-6, [&](const ParamList& at) {
          const AdaptedParams adapted = learner->Adapt(model, at, episode.support);
          return CrossEntropy(learner->Logits(model, adapted, episode.query), episode.query.labels).item<double>();
        });
  }
}

}  // namespace
}  // namespace metaprompt

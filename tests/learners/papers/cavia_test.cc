// CAVIA: which parameters start at 0 and adapt, and which are shared.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <memory>

#include "absl/strings/str_cat.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/quadratic_world.h"
#include "tests/helpers/toy_tasks.h"

namespace metaprompt {
namespace {

// The context starts at 0 for every prompt, so the prompt's gradient is 0, and the encoder's is that of the closed
// form.
TEST(CaviaTest, ContextBeginsAtZero) {
  QuadraticWorld world;
  LearnerSpec spec = QuadraticSpec(3);
  spec.clear_adapts();
  spec.mutable_cavia();
  const at::Tensor start = world.theta.clone();
  start.narrow(0, kEncoderSize, kPromptSize).zero_();
  const at::Tensor m = Power(StepMap(Rates(ScopeSpec::PROMPT), world.support), 3);
  const at::Tensor theta = world.support.c + m.matmul(start - world.support.c);
  const at::Tensor expected = m.t().matmul(Gradient(world.query, theta));
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  EXPECT_LT(
      MaxDifference(at::cat(learner->Adapt(world.model, world.params(), world.episode.support).model.params), theta),
      kTolerance);
  const TaskGradient task = learner->MetaGradient(world.model, world.params(), world.episode, 0);
  EXPECT_LT(MaxDifference(task.grads[0], expected.narrow(0, 0, kEncoderSize)), kTolerance);
  EXPECT_TRUE(!task.grads[1].defined() || task.grads[1].eq(0).all().item<bool>());
}

// If the soft vectors pass through a network, the network is shared. Only the vectors and prefixes start at 0 and
// adapt.
TEST(CaviaConformanceTest, WhatTheContextPassesThroughIsShared) {
  SetOperationThreads(1);
  const PromptModel& model = ToyModel(ToyModelKind::kDeepPrompt);
  LearnerSpec spec;
  spec.mutable_cavia();
  spec = WithSettings(spec, absl::StrCat(kToyInner, " inner { class_lr: 0 }"));
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  EXPECT_TRUE(learner->TakesSeveralTasks(model));
  const Episode episode = BuildEpisode(MakeToyTask(18, 2, 2));
  const ParamList meta = LocalParams(model.params(), WholeParams(model, *learner, true), episode.rows);
  const ParamList adapted = learner->Adapt(model, meta, episode.support).model.params;
  const ParamList start =
      MakeLearner(WithSettings(spec, "inner { steps: 0 }"))->Adapt(model, meta, episode.support).model.params;
  for (size_t i = 0; i < meta.size(); ++i) {
    const ParamInfo& info = model.params()[i];
    const bool context = info.group == ParamGroup::kPrompt && !info.prompt_map;
    EXPECT_EQ(at::equal(adapted[i], meta[i]), !context) << info.name;
    EXPECT_EQ(at::equal(start[i], at::zeros_like(meta[i])), context) << info.name;
  }
}

}  // namespace
}  // namespace metaprompt

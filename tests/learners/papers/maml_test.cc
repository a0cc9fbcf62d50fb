// MAML and MAML++, compared with closed forms.
#include "learners/papers/maml.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/inner/task.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/quadratic_world.h"
#include "tests/helpers/toy_tasks.h"

namespace metaprompt {
namespace {

TEST(MamlTest, MetaGradientIsTheClosedFormWithTheGraphKeptAndRecomputed) {
  QuadraticWorld world;
  constexpr int kEpochs = 4;
  constexpr int kStepsPerEpoch = 10;
  for (const bool second : {true, false}) {
    for (const ScopeSpec::Part adapts : kParts) {
      for (const ScopeSpec::Part learns : kParts) {
        for (const int steps : {0, 1, 3, 10}) {
          for (const int epoch : {-1, 0, 2, 9}) {  // -1: only the loss after the last step
            for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
              const std::string what = absl::StrCat("second=", second, " adapts=", ScopeSpec::Part_Name(adapts),
                                                    " learns=", ScopeSpec::Part_Name(learns), " steps=", steps,
                                                    " epoch=", epoch, " ", MetaGradientSpec::Way_Name(way));
              LearnerSpec spec = QuadraticSpec(steps, adapts, learns, way);
              MamlSpec& maml = *spec.mutable_maml();
              maml.set_order(second ? MamlSpec::SECOND : MamlSpec::FIRST);
              if (epoch >= 0) {
                maml.mutable_multi_step()->set_epochs(kEpochs);
                maml.mutable_multi_step()->set_meta_steps_per_epoch(kStepsPerEpoch);
              }
              const int64_t meta_step = std::max(0, epoch) * kStepsPerEpoch + kStepsPerEpoch - 1;

              const at::Tensor m = StepMap(Rates(adapts), world.support);
              at::Tensor expected = at::zeros({kSize}, at::kDouble);
              at::Tensor theta_k = world.theta;
              double rest = 1;
              double objective = 0;
              for (int k = std::min(1, steps); k <= steps; ++k) {
                const double n = steps;
                const double early = epoch < 0 ? 0.0 : std::max(1.0 / n - epoch / (n * kEpochs), 0.03 / n);
                const double weight = k == steps ? rest : early;
                rest -= weight;
                const at::Tensor m_k = Power(m, k);
                theta_k = world.support.c + m_k.matmul(world.theta - world.support.c);
                const at::Tensor outer = Gradient(world.query, theta_k);
                expected += weight * (second ? m_k.t().matmul(outer) : outer);
                objective += weight * Value(world.query, theta_k);
              }

              const std::unique_ptr<Learner> learner = MakeLearner(spec);
              const ParamList meta = world.params();
              const TaskGradient task = learner->MetaGradient(world.model, meta, world.episode, meta_step);
              ExpectGradient(task.grads, expected, learns, what);
              EXPECT_NEAR(task.query_loss, Value(world.query, theta_k), kTolerance) << what;
              EXPECT_EQ(task.recomputed, second && steps > 0 && way == MetaGradientSpec::RECOMPUTE) << what;
              if (second) {
                EXPECT_NEAR(task.objective, objective, kTolerance) << what;
              } else {
                EXPECT_TRUE(std::isnan(task.objective)) << what;
              }
              const ParamList adapted = learner->Adapt(world.model, meta, world.episode.support).model.params;
              EXPECT_LT(MaxDifference(at::cat(adapted), theta_k), kTolerance) << what;
              for (size_t i = 0; i < 2; ++i) {
                EXPECT_EQ(at::equal(adapted[i], meta[i]), steps == 0 || !Covers(adapts, i)) << what;
              }
              EXPECT_TRUE(at::equal(at::cat(meta), world.theta)) << what;
            }
          }
        }
      }
    }
  }
}

TEST(MamlTest, MultiStepWeightsFollowTheProtocol) {
  using ::testing::DoubleEq;
  using ::testing::ElementsAre;
  EXPECT_THAT(MultiStepWeights(4, 0, 10), ElementsAre(DoubleEq(0.25), DoubleEq(0.25), DoubleEq(0.25), DoubleEq(0.25)));
  // Half-way: 1/4 − 5/40 each; the last has the rest.
  EXPECT_THAT(MultiStepWeights(4, 5, 10),
              ElementsAre(DoubleEq(0.125), DoubleEq(0.125), DoubleEq(0.125), DoubleEq(0.625)));
  for (const int64_t epoch : {10, 11, 1000}) {
    EXPECT_THAT(MultiStepWeights(4, epoch, 10),
                ElementsAre(DoubleEq(0.0075), DoubleEq(0.0075), DoubleEq(0.0075), DoubleEq(0.9775)));
  }
  EXPECT_THAT(MultiStepWeights(1, 0, 10), ElementsAre(1.0));
  for (int steps = 1; steps < 8; ++steps) {
    for (int64_t epoch = 0; epoch < 13; ++epoch) {
      double sum = 0;
      for (const double weight : MultiStepWeights(steps, epoch, 10)) {
        sum += weight;
      }
      EXPECT_NEAR(sum, 1, 1e-14);
    }
  }
}

// MAML++'s step sizes, one per group and step: ∂/∂α_k = −g_kᵀ [∏_{j>k} (I − D_j A_s)]ᵀ A_q (θ_K − c_q) over the group's
// numbers; in first order, without the product. If a test takes more steps than were learned, the further steps use the
// last step size.
TEST(MamlTest, LearnedStepSizesHaveTheirClosedForm) {
  QuadraticWorld world;
  constexpr int kSteps = 4;
  Random random(7);
  for (const bool second : {true, false}) {
    for (const bool multi_step : {false, true}) {
      for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
        LearnerSpec spec = QuadraticSpec(kSteps, ScopeSpec::ALL, ScopeSpec::ALL, way);
        spec.mutable_maml()->set_learned_rates(true);
        spec.mutable_maml()->set_order(second ? MamlSpec::SECOND : MamlSpec::FIRST);
        std::vector<double> weights(kSteps, 0.0);
        weights.back() = 1;
        if (multi_step) {
          spec.mutable_maml()->mutable_multi_step();
          weights = MultiStepWeights(kSteps, 0, 10);
        }
        const std::unique_ptr<Learner> learner = MakeLearner(spec);
        const std::vector<ParamInfo> own = learner->OwnParams(world.model);
        ASSERT_EQ(own.size(), 1);
        ASSERT_EQ(own[0].shape, (std::vector<int64_t>{kSteps, 2}));
        const ParamList initial = learner->InitOwn(world.model, 0);
        EXPECT_FLOAT_EQ(initial[0][2][0].item<float>(), kEncoderLr);
        EXPECT_FLOAT_EQ(initial[0][2][1].item<float>(), kPromptLr);
        const at::Tensor alpha = (RandomTensor({kSteps, 2}, &random) * 0.05 + 0.15).abs();
        ParamList meta = world.params();
        meta.push_back(alpha);

        std::vector<at::Tensor> theta = {world.theta};
        std::vector<at::Tensor> maps;
        for (int k = 0; k < kSteps; ++k) {
          const at::Tensor rates = Rates(ScopeSpec::ALL, alpha[k][0].item<double>(), alpha[k][1].item<double>());
          maps.push_back(StepMap(rates, world.support));
          theta.push_back(world.support.c + maps.back().matmul(theta.back() - world.support.c));
        }
        at::Tensor expected = at::zeros({kSize}, at::kDouble);
        at::Tensor of_alpha = at::zeros({kSteps, 2}, at::kDouble);
        for (int last = 1; last <= kSteps; ++last) {
          at::Tensor adjoint = Gradient(world.query, theta[last]) * weights[static_cast<size_t>(last) - 1];
          for (int k = last - 1; k >= 0; --k) {
            const at::Tensor each = Gradient(world.support, theta[k]) * adjoint;
            of_alpha[k][0] -= each.narrow(0, 0, kEncoderSize).sum();
            of_alpha[k][1] -= each.narrow(0, kEncoderSize, kPromptSize).sum();
            adjoint = second ? maps[k].t().matmul(adjoint) : adjoint;
          }
          expected += adjoint;
        }
        const std::string what = absl::StrCat("second=", second, " multi_step=", multi_step, " way ", way);
        const TaskGradient task = learner->MetaGradient(world.model, meta, world.episode, 0);
        ExpectGradient(task.grads, expected, ScopeSpec::ALL, what);
        ASSERT_EQ(task.grads.size(), 3);
        EXPECT_LT(MaxDifference(task.grads[2], of_alpha), kTolerance) << what;
        const ParamList adapted = learner->Adapt(world.model, meta, world.episode.support).model.params;
        EXPECT_LT(MaxDifference(at::cat(adapted), theta.back()), kTolerance);
      }
    }
  }
}

TEST(MamlTest, FirstOrderUntilAMetaStepAndToSecondFromThere) {
  QuadraticWorld world;
  LearnerSpec annealed = QuadraticSpec(3);
  annealed.mutable_maml()->set_first_order_until(5);
  LearnerSpec first = QuadraticSpec(3);
  first.mutable_maml()->set_order(MamlSpec::FIRST);
  LearnerSpec second = QuadraticSpec(3);
  second.mutable_maml();
  const auto gradient = [&](const LearnerSpec& spec, int64_t meta_step) {
    return at::cat(MakeLearner(spec)->MetaGradient(world.model, world.params(), world.episode, meta_step).grads);
  };
  EXPECT_TRUE(at::equal(gradient(annealed, 4), gradient(first, 4)));
  EXPECT_TRUE(at::equal(gradient(annealed, 5), gradient(second, 5)));
  EXPECT_GT(MaxDifference(gradient(first, 0), gradient(second, 0)), 1e-3);
}

// An epoch is one step per mini-batch, and each text is in one mini-batch.
TEST(MamlConformanceTest, MiniBatchesAreStepsOnPartsOfTheSupportSet) {
  SetOperationThreads(1);
  const PromptModel& model = ToyModel(ToyModelKind::kPlain);
  LearnerSpec spec;
  spec.mutable_maml();
  spec = WithSettings(spec, absl::StrCat(kToyInner, " inner { steps: 1 class_lr: 0 }"));
  const std::unique_ptr<Learner> step = MakeLearner(spec);
  const std::unique_ptr<Learner> epoch = MakeLearner(WithSettings(spec, "meta_test { epochs: 1 batch: 3 }"));
  const Episode episode = BuildEpisode(MakeToyTask(15, 2, 1));
  const ParamList meta = LocalParams(model.params(), WholeParams(model, *step, true), episode.rows);
  const ParamList adapted = epoch->Adapt(model, meta, episode.support).model.params;
  int same = 0;
  for (int half = 0; half < 1 << 6; ++half) {
    std::vector<int64_t> first;
    std::vector<int64_t> second;
    for (int64_t text = 0; text < 6; ++text) {
      ((half >> text) % 2 == 1 ? first : second).push_back(text);
    }
    if (first.size() == 3) {
      const ParamList between = step->Adapt(model, meta, SelectRows(episode.support, first)).model.params;
      const ParamList after = step->Adapt(model, between, SelectRows(episode.support, second)).model.params;
      double difference = 0;
      for (size_t i = 0; i < after.size(); ++i) {
        difference = std::max(difference, MaxDifference(after[i], adapted[i]));
      }
      same += difference < 1e-12 ? 1 : 0;
    }
  }
  EXPECT_EQ(same, 1);
}

// Meta-training's steps in mini-batches: each step uses texts that the steps before it did not use, as long as enough
// are left, and it equals the step on only those texts.
TEST(MamlConformanceTest, StepsInMiniBatchesTakeTurnsThroughTheSupportSet) {
  SetOperationThreads(1);
  const Episode episode = BuildEpisode(MakeToyTask(15, 3, 1));
  Batch support = episode.support;
  support.labels = at::arange(9, at::kLong);  // which text it is
  InnerSpec inner;
  inner.set_batch(4);
  std::set<std::vector<int64_t>> orders;
  std::set<uint64_t> seeds;
  for (support.seed = 0; support.seed < 5; ++support.seed) {
    for (const int64_t first : {0, 2}) {  // two steps, then a new order: the ninth text is left out
      std::vector<int64_t> order;
      for (const int64_t step : {first, first + 1}) {
        const Batch batch = StepBatch(inner, support, step);
        ASSERT_EQ(RowsOf(batch), 4);
        seeds.insert(batch.seed);
        for (int64_t i = 0; i < 4; ++i) {
          order.push_back(batch.labels[i].item<int64_t>());
        }
      }
      EXPECT_EQ(std::set<int64_t>(order.begin(), order.end()).size(), 8);
      orders.insert(order);
    }
  }
  EXPECT_EQ(orders.size(), 10);
  EXPECT_EQ(seeds.size(), 20) << "masks";
  inner.set_batch(9);
  EXPECT_TRUE(TextsOf(StepBatch(inner, support, 2)).SharesMemoryWith(TextsOf(support))) << "all of it";
}

// The sum or the mean over query batches of the gradients of their mean losses, with one inner loop in total or one per
// query batch.
TEST(MamlConformanceTest, QueryBatchesAddUp) {
  SetOperationThreads(1);
  LearnerSpec spec;
  spec.mutable_maml()->mutable_multi_step();
  spec = WithSettings(spec, kToyInner);
  const std::unique_ptr<Learner> plain = MakeLearner(spec);
  const Episode episode = WithSeed(BuildEpisode(MakeToyTask(16, 3, 3)), 5);
  for (const ToyModelKind kind : {ToyModelKind::kPlain, ToyModelKind::kDropout}) {
    const PromptModel& model = ToyModel(kind);
    const ParamList meta = LocalParams(model.params(), WholeParams(model, *plain, true), episode.rows);
    ParamList sum;
    double loss = 0;
    double objective = 0;
    for (const std::vector<int64_t>& rows : {std::vector<int64_t>{0, 1, 2, 3}, {4, 5, 6, 7}, {8}}) {
      Episode part = episode;
      part.query = SelectRows(episode.query, rows);
      const TaskGradient task = plain->MetaGradient(model, meta, part, 0);
      sum.resize(meta.size());
      for (size_t i = 0; i < meta.size(); ++i) {
        sum[i] = sum[i].defined() ? sum[i] + task.grads[i] : task.grads[i];
      }
      loss += task.query_loss * static_cast<double>(rows.size()) / 9;
      objective += task.objective;
    }
    for (const char* settings : {"repeat_inner: false", "repeat_inner: true", "repeat_inner: true reduce: MEAN",
                                 "repeat_inner: false reduce: MEAN"}) {
      SCOPED_TRACE(settings);
      const LearnerSpec in_batches =
          WithSettings(spec, absl::StrCat("maml { query_batches { size: 4 ", settings, " } }"));
      const double share = in_batches.maml().query_batches().reduce() == QueryBatchesSpec::SUM ? 1 : 1 / 3.0;
      const std::unique_ptr<Learner> learner = MakeLearner(in_batches);
      EXPECT_FALSE(learner->TakesSeveralTasks(model));
      const TaskGradient task = learner->MetaGradient(model, meta, episode, 0);
      double most = std::abs(task.objective - share * objective);
      for (size_t i = 0; i < meta.size(); ++i) {
        most = std::max(most, MaxDifference(task.grads[i], sum[i] * share));
      }
      if (kind == ToyModelKind::kPlain) {
        EXPECT_LT(most, 1e-12);
        EXPECT_EQ(in_batches.maml().query_batches().repeat_inner(), std::abs(task.query_loss - loss) < 1e-12);
      } else {
        EXPECT_GT(most, 1e-3) << "other masks";
      }
    }
  }
}

}  // namespace
}  // namespace metaprompt

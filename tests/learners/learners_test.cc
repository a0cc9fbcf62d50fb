// Learners that descend, against answers known before they run: quadratic losses, where adaptation and every
// meta-gradient are a few matrix products, in double precision.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "learners/papers/maml.h"
#include "metaprompt/base/random.h"
#include "tests/helpers/differences.h"

namespace metaprompt {
namespace {

constexpr double kTolerance = 1e-8;
constexpr int64_t kEncoderSize = 3;
constexpr int64_t kPromptSize = 2;
constexpr int64_t kSize = kEncoderSize + kPromptSize;

// L(θ) = ½ (θ − c)ᵀ A (θ − c).
struct Quadratic {
  at::Tensor a;
  at::Tensor c;
};

Quadratic RandomQuadratic(Random* random) {
  const at::Tensor root = RandomTensor({kSize, kSize}, random);
  return {root.matmul(root.t()) / kSize + 0.5 * at::eye(kSize, at::kDouble), RandomTensor({kSize}, random)};
}

at::Tensor Gradient(const Quadratic& q, const at::Tensor& theta) { return q.a.matmul(theta - q.c); }

double Value(const Quadratic& q, const at::Tensor& theta) {
  return 0.5 * (theta - q.c).dot(Gradient(q, theta)).item<double>();
}

Batch BatchOf(int64_t which) {
  Batch batch;
  batch.inputs = PointInputs{at::full({1}, which, at::kLong)};
  return batch;
}

// A model without texts: a batch's one point says which quadratic its loss is.
class QuadraticModel : public Model {
 public:
  explicit QuadraticModel(std::vector<Quadratic> quadratics) : quadratics_(std::move(quadratics)) {}

  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ParamList& params, const Batch& /*batch*/) const override {
    return {at::cat(params).unsqueeze(0), {}, {}};
  }
  at::Tensor Loss(const ModelOutput& output, const Batch& batch) const override {
    const Quadratic& q = quadratics_[static_cast<size_t>(std::get<PointInputs>(batch.inputs).x.item<int64_t>())];
    const at::Tensor off = output.features.select(0, 0) - q.c;
    return off.dot(q.a.matmul(off)) * 0.5;
  }

 private:
  std::vector<Quadratic> quadratics_;
  std::vector<ParamInfo> params_ = {{"encoder", {kEncoderSize}, ParamGroup::kEncoder},
                                    {"prompt", {kPromptSize}, ParamGroup::kPrompt}};
};

// Support is quadratic 0, query quadratic 1.
struct World {
  Random random{SubSeed(1, "learners_test")};
  Quadratic support = RandomQuadratic(&random);
  Quadratic query = RandomQuadratic(&random);
  at::Tensor theta = RandomTensor({kSize}, &random);
  QuadraticModel model{{support, query}};
  Episode episode;

  World() {
    episode.support = BatchOf(0);
    episode.query = BatchOf(1);
  }
  ParamList params() const {
    return {theta.narrow(0, 0, kEncoderSize).clone(), theta.narrow(0, kEncoderSize, kPromptSize).clone()};
  }
};

constexpr std::array<ScopeSpec::Part, 3> kParts = {ScopeSpec::ALL, ScopeSpec::PROMPT, ScopeSpec::ENCODER};
constexpr double kEncoderLr = 0.11;
constexpr double kPromptLr = 0.23;

// i: 0 the encoder, 1 the prompt.
bool Covers(ScopeSpec::Part part, size_t i) {
  return part == ScopeSpec::ALL || (part == ScopeSpec::PROMPT) == (i == 1);
}

LearnerSpec Spec(int steps, ScopeSpec::Part adapts = ScopeSpec::ALL, ScopeSpec::Part learns = ScopeSpec::ALL,
                 MetaGradientSpec::Way way = MetaGradientSpec::KEEP_GRAPH) {
  LearnerSpec spec;
  spec.mutable_inner()->set_steps(steps);
  spec.mutable_inner()->set_encoder_lr(kEncoderLr);
  spec.mutable_inner()->set_prompt_lr(kPromptLr);
  spec.mutable_adapts()->set_part(adapts);
  spec.mutable_learns()->set_part(learns);
  spec.mutable_meta_gradient()->set_way(way);
  return spec;
}

// diag(α) of a scope.
at::Tensor Rates(ScopeSpec::Part adapts, double encoder_lr = kEncoderLr, double prompt_lr = kPromptLr) {
  const at::Tensor rates = at::zeros({kSize}, at::kDouble);
  rates.narrow(0, 0, kEncoderSize).fill_(Covers(adapts, 0) ? encoder_lr : 0.0);
  rates.narrow(0, kEncoderSize, kPromptSize).fill_(Covers(adapts, 1) ? prompt_lr : 0.0);
  return at::diag(rates);
}

// M = I − D A, the map of θ − c in one inner step.
at::Tensor StepMap(const at::Tensor& rates, const Quadratic& q) {
  return at::eye(kSize, at::kDouble) - rates.matmul(q.a);
}

at::Tensor Power(const at::Tensor& m, int k) {
  at::Tensor power = at::eye(kSize, at::kDouble);
  for (int i = 0; i < k; ++i) {
    power = power.matmul(m);
  }
  return power;
}

// Gradients in the scope equal `expected`; the others are undefined.
void ExpectGradient(const ParamList& grads, const at::Tensor& expected, ScopeSpec::Part learns,
                    const std::string& what) {
  ASSERT_GE(grads.size(), 2) << what;
  const std::array<at::Tensor, 2> parts = {expected.narrow(0, 0, kEncoderSize),
                                           expected.narrow(0, kEncoderSize, kPromptSize)};
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(grads[i].defined(), Covers(learns, i)) << what;
    if (grads[i].defined()) {
      EXPECT_LT(MaxDifference(grads[i], parts[i]), kTolerance) << what;
    }
  }
}

TEST(MamlTest, MetaGradientIsTheClosedFormWithTheGraphKeptAndRecomputed) {
  World world;
  constexpr int kEpochs = 4;
  constexpr int kStepsPerEpoch = 10;
  for (const bool second : {true, false}) {
    for (const ScopeSpec::Part adapts : kParts) {
      for (const ScopeSpec::Part learns : kParts) {
        for (const int steps : {0, 1, 3, 10}) {
          for (const int epoch : {-1, 0, 2, 9}) {  // -1: the loss after the last step alone
            for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
              const std::string what = absl::StrCat("second=", second, " adapts=", ScopeSpec::Part_Name(adapts),
                                                    " learns=", ScopeSpec::Part_Name(learns), " steps=", steps,
                                                    " epoch=", epoch, " ", MetaGradientSpec::Way_Name(way));
              LearnerSpec spec = Spec(steps, adapts, learns, way);
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
              const ParamList adapted = learner->Adapt(world.model, meta, world.episode.support);
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

// MAML++'s step sizes, one for each group and step: ∂/∂α_k = −g_kᵀ [∏_{j>k} (I − D_j A_s)]ᵀ A_q (θ_K − c_q) over the
// group's numbers; to first order without the product. Beyond the steps that were learned, at test, the last stays.
TEST(MamlTest, LearnedStepSizesHaveTheirClosedForm) {
  World world;
  constexpr int kSteps = 4;
  Random random(7);
  for (const bool second : {true, false}) {
    for (const bool multi_step : {false, true}) {
      for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
        LearnerSpec spec = Spec(kSteps, ScopeSpec::ALL, ScopeSpec::ALL, way);
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
        const ParamList adapted = learner->Adapt(world.model, meta, world.episode.support);
        EXPECT_LT(MaxDifference(at::cat(ParamList(adapted.begin(), adapted.begin() + 2)), theta.back()), kTolerance);
      }
    }
  }
}

TEST(MamlTest, FirstOrderUntilAMetaStepAndToSecondFromThere) {
  World world;
  LearnerSpec annealed = Spec(3);
  annealed.mutable_maml()->set_first_order_until(5);
  LearnerSpec first = Spec(3);
  first.mutable_maml()->set_order(MamlSpec::FIRST);
  LearnerSpec second = Spec(3);
  second.mutable_maml();
  const auto gradient = [&](const LearnerSpec& spec, int64_t meta_step) {
    return at::cat(MakeLearner(spec)->MetaGradient(world.model, world.params(), world.episode, meta_step).grads);
  };
  EXPECT_TRUE(at::equal(gradient(annealed, 4), gradient(first, 4)));
  EXPECT_TRUE(at::equal(gradient(annealed, 5), gradient(second, 5)));
  EXPECT_GT(MaxDifference(gradient(first, 0), gradient(second, 0)), 1e-3);
}

// Meta-SGD: the same with a step size for every number, alike in every step.
TEST(MetaSgdTest, StepSizesHaveTheirClosedForm) {
  World world;
  Random random(8);
  constexpr int kSteps = 3;
  for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
    LearnerSpec spec = Spec(kSteps, ScopeSpec::ALL, ScopeSpec::ALL, way);
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

// The context begins at 0, whatever the prompt is: its gradient is 0, and the encoder's that of the closed form.
TEST(CaviaTest, ContextBeginsAtZero) {
  World world;
  LearnerSpec spec = Spec(3);
  spec.clear_adapts();
  spec.mutable_cavia();
  const at::Tensor start = world.theta.clone();
  start.narrow(0, kEncoderSize, kPromptSize).zero_();
  const at::Tensor m = Power(StepMap(Rates(ScopeSpec::PROMPT), world.support), 3);
  const at::Tensor theta = world.support.c + m.matmul(start - world.support.c);
  const at::Tensor expected = m.t().matmul(Gradient(world.query, theta));
  const std::unique_ptr<Learner> learner = MakeLearner(spec);
  EXPECT_LT(MaxDifference(at::cat(learner->Adapt(world.model, world.params(), world.episode.support)), theta),
            kTolerance);
  const TaskGradient task = learner->MetaGradient(world.model, world.params(), world.episode, 0);
  EXPECT_LT(MaxDifference(task.grads[0], expected.narrow(0, 0, kEncoderSize)), kTolerance);
  EXPECT_TRUE(!task.grads[1].defined() || task.grads[1].eq(0).all().item<bool>());
}

// λ (A_s + λ)⁻¹ A_q (φ − c_q) in what moves, at φ = (A_s + λ)⁻¹ (A_s c_s + λ θ); what is learned and stays has its
// direct derivative and that by way of φ.
TEST(ImamlTest, MetaGradientIsTheClosedForm) {
  World world;
  constexpr double kLambda = 0.7;
  for (const ScopeSpec::Part adapts : kParts) {
    for (const ScopeSpec::Part learns : kParts) {
      LearnerSpec spec = Spec(2000, adapts, learns);
      spec.mutable_imaml()->set_lambda(kLambda);
      spec.mutable_imaml()->set_cg_steps(20);
      spec.mutable_imaml()->set_cg_tolerance(1e-14);
      // P projects on what moves. (P A_s P + λ) on it; φ = θ − P (P A P + λ)⁻¹ P A (θ − c).
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
      EXPECT_LT(MaxDifference(at::cat(learner->Adapt(world.model, world.params(), world.episode.support)), phi),
                kTolerance)
          << what;
      const TaskGradient task = learner->MetaGradient(world.model, world.params(), world.episode, 0);
      ExpectGradient(task.grads, jacobian.t().matmul(outer), learns, what);
      EXPECT_NEAR(task.query_loss, Value(world.query, phi), kTolerance) << what;
    }
  }
}

TEST(ReptileTest, DirectionIsTheClosedForm) {
  World world;
  for (const ScopeSpec::Part adapts : kParts) {
    for (const bool train_on_query : {false, true}) {
      for (const int steps : {0, 1, 2, 5}) {
        const std::string what =
            absl::StrCat("adapts=", ScopeSpec::Part_Name(adapts), " query=", train_on_query, " k=", steps);
        LearnerSpec spec = Spec(steps, adapts);
        spec.mutable_reptile()->set_train_on_query(train_on_query);
        const at::Tensor rates = Rates(adapts);
        const at::Tensor m = StepMap(rates, world.support);
        const at::Tensor plain = (at::eye(kSize, at::kDouble) - Power(m, steps)).matmul(world.theta - world.support.c);
        // By turns: θ − c_s goes through M_s, then what lies off c_q through M_q, and so on.
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
        // At test there is no query set to turn to.
        const ParamList adapted = learner->Adapt(world.model, meta, world.episode.support);
        EXPECT_LT((world.theta - at::cat(adapted) - plain).abs().max().item<double>(), kTolerance) << what;
        EXPECT_TRUE(at::equal(at::cat(meta), world.theta)) << what;
      }
    }
  }
}

// The inner rule may be AdamW: at the first step it goes by α g / √(g² + ε²), it decays what decays, and its
// meta-gradient, through both moments, is that of differences, with the graph kept and recomputed.
TEST(InnerAdamWTest, StepsAndMetaGradient) {
  World world;
  LearnerSpec spec = Spec(1);
  spec.mutable_maml();
  InnerSpec& inner = *spec.mutable_inner();
  inner.set_optimizer(InnerSpec::ADAMW);
  inner.set_epsilon(0.3);
  inner.set_weight_decay(0.2);  // of nothing: no parameter here decays
  const at::Tensor g = Gradient(world.support, world.theta);
  const at::Tensor expected = world.theta - Rates(ScopeSpec::ALL).matmul(g * at::rsqrt(g * g + 0.09));
  EXPECT_LT(
      MaxDifference(at::cat(MakeLearner(spec)->Adapt(world.model, world.params(), world.episode.support)), expected),
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

// Where no graph is wanted a step is one pass over memory; it is the step that the graph's operations take.
TEST(InnerAdamWTest, StepsAlikeWithAGraphAndWithout) {
  InnerSpec inner;
  inner.set_optimizer(InnerSpec::ADAMW);
  inner.set_epsilon(0.01);
  inner.set_weight_decay(0.2);
  const std::vector<InnerRate> rates = {InnerRate{0.1, {}}, InnerRate{0.3, {}}, InnerRate{0.0, {}}};
  const std::vector<bool> decay = {true, false, true};
  Random random(11);
  ParamList params;
  for (const int64_t rows : {501, 3, 2}) {
    params.push_back(RandomTensor({rows, 211}, &random).t());  // not in order
  }
  InnerState with_graph{params, {}, {}};
  InnerState without{params, {}, {}};
  for (int64_t step = 0; step < 4; ++step) {
    ParamList grads;
    for (const at::Tensor& param : params) {
      grads.push_back(RandomTensor(param.sizes(), &random));
    }
    grads[2] = at::Tensor();
    with_graph = InnerStep(inner, rates, decay, step, 0.5, grads, with_graph);
    const at::NoGradGuard no_grad;
    without = InnerStep(inner, rates, decay, step, 0.5, grads, without);
  }
  for (size_t i = 0; i < params.size(); ++i) {
    EXPECT_LT(MaxDifference(with_graph.params[i], without.params[i]), 1e-14);
    EXPECT_EQ(MaxDifference(params[i], without.params[i]) == 0, i == 2);
  }
  EXPECT_FALSE(without.first[2].defined());
}

// A gradient of 0 is where √ has no derivative.
TEST(InnerAdamWTest, IsFiniteWhereTheGradientIsZero) {
  World world;
  LearnerSpec spec = Spec(3);
  spec.mutable_maml();
  spec.mutable_inner()->set_optimizer(InnerSpec::ADAMW);
  const ParamList at_minimum = {world.support.c.narrow(0, 0, kEncoderSize).clone(),
                                world.support.c.narrow(0, kEncoderSize, kPromptSize).clone()};
  const TaskGradient task = MakeLearner(spec)->MetaGradient(world.model, at_minimum, world.episode, 0);
  EXPECT_TRUE(at::isfinite(at::cat(task.grads)).all().item<bool>());
}

// An operation that LibTorch differentiates once.
class OnceModel : public QuadraticModel {
 public:
  using QuadraticModel::QuadraticModel;
  at::Tensor Loss(const ModelOutput& output, const Batch& batch) const override {
    const at::Tensor x = output.features;
    return QuadraticModel::Loss(output, batch) + at::cdist(x, x * 0.5 + 1, 3.0).sum();
  }
};

TEST(UnrollTest, WhatCannotBeDifferentiatedTwiceIsAnErrorThatNamesIt) {
  World world;
  const OnceModel model({world.support, world.query});
  for (const MetaGradientSpec::Way way : {MetaGradientSpec::KEEP_GRAPH, MetaGradientSpec::RECOMPUTE}) {
    LearnerSpec spec = Spec(2, ScopeSpec::ALL, ScopeSpec::ALL, way);
    spec.mutable_maml();
    try {
      MakeLearner(spec)->MetaGradient(model, world.params(), world.episode, 0);
      ADD_FAILURE() << "no error";
    } catch (const std::exception& error) {
      EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("can be differentiated only once: "),
                                                 ::testing::HasSubstr("_cdist_backward"),
                                                 ::testing::HasSubstr("learner.maml.order: FIRST does without")));
    }
    spec.mutable_maml()->set_order(MamlSpec::FIRST);
    EXPECT_NO_THROW(MakeLearner(spec)->MetaGradient(model, world.params(), world.episode, 0));
  }
}

// By the estimate of its memory, if the spec leaves the choice.
class LargeModel : public QuadraticModel {
 public:
  using QuadraticModel::QuadraticModel;
  double GraphBytes(const Batch& /*batch*/) const override { return 100.0 * (1 << 20); }
};

TEST(UnrollTest, TheGraphIsKeptWhereItsEstimateFits) {
  World world;
  const LargeModel model({world.support, world.query});
  LearnerSpec spec = Spec(3, ScopeSpec::ALL, ScopeSpec::ALL, MetaGradientSpec::AUTO);
  spec.mutable_maml();
  for (const auto& [mib, recomputed] : {std::make_pair(999, true), std::make_pair(1001, false)}) {
    spec.mutable_meta_gradient()->set_max_graph_mib(mib);  // three steps of three times 100, and a query of 100
    const TaskGradient task = MakeLearner(spec)->MetaGradient(model, world.params(), world.episode, 0);
    EXPECT_EQ(task.recomputed, recomputed) << mib;
  }
}

}  // namespace
}  // namespace metaprompt

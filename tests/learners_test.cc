// Learners against answers known before they run: quadratic losses, where adaptation and every meta-gradient are a few
// matrix products, in double precision. Then what every learner promises, whichever learners there are.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/adamw.h"
#include "learners/inner_loop.h"
#include "learners/learner.h"
#include "learners/maml.h"
#include "learners/meta_step.h"
#include "learners/task_pool.h"
#include "metaprompt/base/random.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/prompt_model.h"

namespace metaprompt {
namespace {

constexpr double kTolerance = 1e-8;
constexpr int64_t kEncoderSize = 3;
constexpr int64_t kPromptSize = 2;
constexpr int64_t kSize = kEncoderSize + kPromptSize;

at::Tensor RandomTensor(at::IntArrayRef shape, Random* random) {
  at::Tensor values = at::empty(shape, at::kDouble);
  auto* data = values.data_ptr<double>();
  for (int64_t i = 0; i < values.numel(); ++i) {
    data[i] = random->Normal();
  }
  return values;
}

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
  batch.token_ids = at::full({1}, which, at::kLong);
  return batch;
}

// A model without texts: a batch's one token says which quadratic its loss is.
class QuadraticModel : public Model {
 public:
  explicit QuadraticModel(std::vector<Quadratic> quadratics) : quadratics_(std::move(quadratics)) {}

  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ParamList& params, const Batch& /*batch*/) const override {
    return {at::cat(params).unsqueeze(0), {}};
  }
  at::Tensor Loss(const ModelOutput& output, const Batch& batch) const override {
    const Quadratic& q = quadratics_[static_cast<size_t>(batch.token_ids.item<int64_t>())];
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

bool Covers(Scope scope, size_t i) { return scope == BOTH || (scope == PROMPT) == (i == 1); }

// diag(α) of a scope.
at::Tensor Rates(Scope adapts, double encoder_lr, double prompt_lr) {
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
void ExpectGradient(const ParamList& grads, const at::Tensor& expected, Scope learns, const std::string& what) {
  ASSERT_EQ(grads.size(), 2) << what;
  const std::array<at::Tensor, 2> parts = {expected.narrow(0, 0, kEncoderSize),
                                           expected.narrow(0, kEncoderSize, kPromptSize)};
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(grads[i].defined(), Covers(learns, i)) << what;
    if (grads[i].defined()) {
      EXPECT_LT((grads[i] - parts[i]).abs().max().item<double>(), kTolerance) << what;
    }
  }
}

void ExpectSameBits(const ParamList& a, const ParamList& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].defined(), b[i].defined()) << what << ", parameter " << i;
    if (a[i].defined()) {
      EXPECT_TRUE(at::equal(a[i], b[i])) << what << ", parameter " << i;
    }
  }
}

TEST(MamlTest, MetaGradientIsTheClosedForm) {
  World world;
  constexpr double kEncoderLr = 0.11;
  constexpr double kPromptLr = 0.23;
  constexpr int kEpochs = 4;
  constexpr int kStepsPerEpoch = 10;
  for (const bool second : {true, false}) {
    for (const Scope adapts : {BOTH, PROMPT, ENCODER}) {
      for (const Scope learns : {BOTH, PROMPT, ENCODER}) {
        for (const int steps : {0, 1, 3}) {
          for (const int epoch : {-1, 0, 2, 9}) {  // -1: the loss after the last step alone
            const std::string what = absl::StrCat("second=", second, " adapts=", Scope_Name(adapts),
                                                  " learns=", Scope_Name(learns), " steps=", steps, " epoch=", epoch);
            LearnerSpec spec;
            MamlSpec& maml = *spec.mutable_maml();
            maml.set_order(second ? MamlSpec::SECOND : MamlSpec::FIRST);
            maml.set_inner_steps(steps);
            maml.set_encoder_inner_lr(kEncoderLr);
            maml.set_prompt_inner_lr(kPromptLr);
            maml.set_adapts(adapts);
            maml.set_learns(learns);
            if (epoch >= 0) {
              maml.mutable_multi_step()->set_epochs(kEpochs);
              maml.mutable_multi_step()->set_meta_steps_per_epoch(kStepsPerEpoch);
            }
            const int64_t meta_step = std::max(0, epoch) * kStepsPerEpoch + kStepsPerEpoch - 1;

            const at::Tensor m = StepMap(Rates(adapts, kEncoderLr, kPromptLr), world.support);
            at::Tensor expected = at::zeros({kSize}, at::kDouble);
            at::Tensor theta_k = world.theta;
            double rest = 1;
            for (int k = std::min(1, steps); k <= steps; ++k) {
              const double n = steps;
              const double early = epoch < 0 ? 0.0 : std::max(1.0 / n - epoch / (n * kEpochs), 0.03 / n);
              const double weight = k == steps ? rest : early;
              rest -= weight;
              const at::Tensor m_k = Power(m, k);
              theta_k = world.support.c + m_k.matmul(world.theta - world.support.c);
              const at::Tensor outer = Gradient(world.query, theta_k);
              expected += weight * (second ? m_k.t().matmul(outer) : outer);
            }

            const std::unique_ptr<Learner> learner = MakeLearner(spec);
            const ParamList meta = world.params();
            const TaskGradient task = learner->MetaGradient(world.model, meta, world.episode, meta_step);
            ExpectGradient(task.grads, expected, learns, what);
            EXPECT_NEAR(task.query_loss, Value(world.query, theta_k), kTolerance) << what;
            const ParamList adapted = learner->Adapt(world.model, meta, world.episode.support);
            EXPECT_LT((at::cat(adapted) - theta_k).abs().max().item<double>(), kTolerance) << what;
            for (size_t i = 0; i < 2; ++i) {
              EXPECT_EQ(at::equal(adapted[i], meta[i]), steps == 0 || !Covers(adapts, i)) << what;
            }
            ExpectSameBits(meta, world.params(), what);
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

TEST(ReptileTest, DirectionIsTheClosedForm) {
  World world;
  constexpr double kEncoderLr = 0.17;
  constexpr double kPromptLr = 0.06;
  for (const Scope adapts : {BOTH, PROMPT, ENCODER}) {
    for (const bool train_on_query : {false, true}) {
      for (const int steps : {0, 1, 2, 5}) {
        const std::string what = absl::StrCat("adapts=", Scope_Name(adapts), " query=", train_on_query, " k=", steps);
        LearnerSpec spec;
        spec.mutable_reptile()->set_inner_steps(steps);
        spec.mutable_reptile()->set_encoder_inner_lr(kEncoderLr);
        spec.mutable_reptile()->set_prompt_inner_lr(kPromptLr);
        spec.mutable_reptile()->set_adapts(adapts);
        spec.mutable_reptile()->set_train_on_query(train_on_query);
        const at::Tensor rates = Rates(adapts, kEncoderLr, kPromptLr);
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
        ExpectSameBits(meta, world.params(), what);
      }
    }
  }
}

TEST(AdamWTest, RateShareRisesThenFalls) {
  MetaOptimizerSpec spec;
  spec.set_warmup_share(0.3);
  const std::vector<double> expected = {1 / 4.0, 2 / 4.0, 3 / 4.0, 1,       6 / 7.0, 5 / 7.0,
                                        4 / 7.0, 3 / 7.0, 2 / 7.0, 1 / 7.0, 0};
  for (size_t step = 0; step < expected.size(); ++step) {
    EXPECT_DOUBLE_EQ(RateShare(spec, static_cast<int64_t>(step), 10), expected[step]) << step;
  }
  spec.set_linear_decay(false);
  EXPECT_DOUBLE_EQ(RateShare(spec, 2, 10), 0.75);
  EXPECT_DOUBLE_EQ(RateShare(spec, 9, 10), 1);
  spec.set_warmup_share(0);
  EXPECT_DOUBLE_EQ(RateShare(spec, 0, 10), 1);
  spec.set_linear_decay(true);
  EXPECT_DOUBLE_EQ(RateShare(spec, 9, 10), 0.1);
  spec.set_warmup_share(1);
  EXPECT_DOUBLE_EQ(RateShare(spec, 9, 10), 10 / 11.0);
}

TEST(AdamWTest, AgreesWithTheFormulasOneNumberAtATime) {
  const std::vector<ParamInfo> infos = {{"matrix", {4}, ParamGroup::kEncoder, 0, /*decay=*/true},
                                        {"bias", {3}, ParamGroup::kEncoder, 0, /*decay=*/false},
                                        {"prompt", {2}, ParamGroup::kPrompt, 0, /*decay=*/false},
                                        {"words", {3}, ParamGroup::kEncoder, 0, /*decay=*/true, /*vocab_rows=*/true},
                                        {"frozen", {2}, ParamGroup::kEncoder, 0, /*decay=*/true}};
  MetaOptimizerSpec spec;
  spec.set_encoder_lr(0.01);
  spec.set_prompt_lr(0.03);
  spec.set_word_lr(0.002);
  spec.set_beta1(0.8);
  spec.set_beta2(0.95);
  spec.set_epsilon(1e-3);
  spec.set_weight_decay(0.2);
  spec.set_warmup_share(0.25);
  spec.set_clip_norm(2);
  constexpr int64_t kTotal = 8;
  Random random(5);
  ParamList params;
  std::vector<std::vector<double>> theta(infos.size());
  for (size_t i = 0; i < infos.size(); ++i) {
    params.push_back(RandomTensor(infos[i].shape, &random));
    const auto* data = params[i].data_ptr<double>();
    theta[i].assign(data, data + params[i].numel());
  }
  std::vector<std::vector<double>> m(infos.size(), std::vector<double>(4));
  std::vector<std::vector<double>> v = m;
  AdamWState state = ZeroMoments(params);
  int clipped = 0;
  for (int64_t t = 1; t <= kTotal; ++t) {
    ParamList grads;
    for (size_t i = 0; i < 4; ++i) {
      grads.push_back(RandomTensor(infos[i].shape, &random) * (t % 3 == 0 ? 0.1 : 2.0));
    }
    grads.emplace_back();
    double squares = 0;
    for (size_t i = 0; i < 4; ++i) {
      squares += grads[i].pow(2).sum().item<double>();
    }
    const double norm = std::sqrt(squares);
    clipped += norm > 2 ? 1 : 0;
    const double scale = norm > 2 ? 2 / norm : 1;
    const double share = t <= 2 ? t / 3.0 : (9.0 - t) / 6.0;
    for (size_t i = 0; i < 4; ++i) {
      for (size_t j = 0; j < theta[i].size(); ++j) {
        const double g = grads[i].data_ptr<double>()[j] * scale;
        const double rate = share * (i == 2 ? 0.03 : i == 3 ? 0.002 : 0.01);
        m[i][j] = 0.8 * m[i][j] + 0.2 * g;
        v[i][j] = 0.95 * v[i][j] + 0.05 * g * g;
        const double m_hat = m[i][j] / (1 - std::pow(0.8, t));
        const double v_hat = v[i][j] / (1 - std::pow(0.95, t));
        theta[i][j] -= rate * (m_hat / (std::sqrt(v_hat) + 1e-3) + (infos[i].decay ? 0.2 * theta[i][j] : 0.0));
      }
    }
    EXPECT_NEAR(AdamWUpdate(spec, infos, kTotal, &grads, &params, &state), norm, 1e-12);
    EXPECT_EQ(state.step, t);
    for (size_t i = 0; i < infos.size(); ++i) {
      for (size_t j = 0; j < theta[i].size(); ++j) {
        EXPECT_NEAR(params[i].data_ptr<double>()[j], theta[i][j], 1e-12) << infos[i].name << ", update " << t;
      }
    }
  }
  EXPECT_EQ(clipped, 6);  // both ways were taken
  EXPECT_EQ(state.first[4].abs().max().item<double>(), 0);
}

TEST(AdamWTest, WordRateIsForVocabularyRowsAlone) {
  const std::vector<ParamInfo> infos = {{"layer", {2}, ParamGroup::kEncoder, 1, /*decay=*/true},
                                        {"words", {2}, ParamGroup::kEncoder, 0, /*decay=*/true, /*vocab_rows=*/true},
                                        {"word biases", {2}, ParamGroup::kEncoder, 2, /*decay=*/false, true},
                                        {"prompt", {2}, ParamGroup::kPrompt}};
  const auto updated = [&](double encoder_lr, double word_lr, double prompt_lr) {
    MetaOptimizerSpec spec;
    spec.set_encoder_lr(encoder_lr);
    spec.set_word_lr(word_lr);
    spec.set_prompt_lr(prompt_lr);
    spec.set_warmup_share(0);
    ParamList params(infos.size());
    ParamList grads(infos.size());
    for (size_t i = 0; i < infos.size(); ++i) {
      params[i] = at::ones({2}, at::kDouble);
      grads[i] = at::ones({2}, at::kDouble);
    }
    AdamWState state = ZeroMoments(params);
    AdamWUpdate(spec, infos, 10, &grads, &params, &state);
    return params;
  };
  const ParamList one = updated(0.01, 0.02, 0.03);
  for (size_t group = 0; group < 3; ++group) {  // encoder, words, prompt
    const ParamList other = updated(group == 0 ? 0 : 0.01, group == 1 ? 0 : 0.02, group == 2 ? 0 : 0.03);
    for (size_t i = 0; i < infos.size(); ++i) {
      const size_t own = i == 0 ? 0 : i == 3 ? 2 : 1;
      EXPECT_EQ(at::equal(one[i], other[i]), own != group) << infos[i].name;
      EXPECT_EQ(at::equal(other[i], at::ones({2}, at::kDouble)), own == group) << infos[i].name;
    }
  }
}

TEST(AdamWTest, ClipNormZeroIsNoBound) {
  const std::vector<ParamInfo> infos = {{"x", {1}, ParamGroup::kEncoder}};
  MetaOptimizerSpec spec;
  spec.set_clip_norm(0);
  ParamList params = {at::zeros({1}, at::kDouble)};
  ParamList grads = {at::full({1}, 1e6, at::kDouble)};
  AdamWState state = ZeroMoments(params);
  AdamWUpdate(spec, infos, 10, &grads, &params, &state);
  EXPECT_NEAR(state.first[0].item<double>(), 1e5, 1e-6);
}

// Two parameters of float32: a table of which each task sees other rows, and a vector long enough that LibTorch would
// split a reduction of it over threads. L = Σ (table − t)² + w · (vector − t)², with t and w of the task.
class TableModel : public Model {
 public:
  static constexpr int64_t kRows = 9;
  static constexpr int64_t kLong = 200003;

  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ParamList& params, const Batch& batch) const override {
    const double t = 0.1 * static_cast<double>(batch.token_ids.item<int64_t>());
    const at::Tensor table = (params[0] - t).pow(2).sum();
    return {(table + ((params[1] - t).pow(2) * weights_).sum()).view({1, 1}), {}};
  }
  at::Tensor Loss(const ModelOutput& output, const Batch& batch) const override {
    const int64_t task = batch.token_ids.item<int64_t>();
    const at::Tensor loss = output.features.sum();
    if (task == infinite_loss) {
      return loss + std::numeric_limits<double>::infinity();
    }
    return task == infinite_gradient ? loss + at::sqrt(output.features - output.features).sum() : loss;
  }
  ParamList Init() const {
    Random random(3);
    return {RandomTensor({kRows, 2}, &random).to(at::kFloat), RandomTensor({kLong}, &random).to(at::kFloat)};
  }
  Episode Deal(int64_t task) const {
    Episode episode;
    episode.query = BatchOf(task);
    episode.support = BatchOf(task);
    episode.rows = at::tensor({task, task + 2, task + 3}, at::kLong);
    return episode;
  }

  int64_t infinite_loss = -1;
  int64_t infinite_gradient = -1;

 private:
  at::Tensor weights_ = at::linspace(0.1, 1, kLong, at::kFloat);
  std::vector<ParamInfo> params_ = {{"table", {kRows, 2}, ParamGroup::kEncoder, 0, true, /*vocab_rows=*/true},
                                    {"vector", {kLong}, ParamGroup::kPrompt}};
};

LearnerSpec PlainGradient() {
  LearnerSpec spec;
  spec.mutable_maml()->set_inner_steps(0);
  return spec;
}

TEST(MetaStepTest, MeanOfTheTasksInOrderWithTheSameBitsOnAnyNumberOfThreads) {
  constexpr int64_t kTasks = 5;
  constexpr int64_t kTotal = 4;
  const TableModel model;
  const std::unique_ptr<Learner> learner = MakeLearner(PlainGradient());
  MetaOptimizerSpec optimizer;  // clips, since the gradient is long

  // One task after another, by hand. A task's own sums have one thread, as in a pool.
  SetOperationThreads(1);
  LearnerState expected = StartLearning(model.Init());
  std::vector<double> losses;
  for (int64_t step = 0; step < kTotal; ++step) {
    ParamList sums = {at::zeros_like(expected.params[0]), at::zeros_like(expected.params[1])};
    double loss = 0;
    for (int64_t task = 0; task < kTasks; ++task) {
      const Episode episode = model.Deal(task);
      const ParamList local = LocalParams(model.params(), expected.params, episode.rows);
      const TaskGradient gradient = learner->MetaGradient(model, local, episode, step);
      loss += gradient.query_loss / kTasks;
      sums[0].index_add_(0, episode.rows, gradient.grads[0]);
      sums[1] += gradient.grads[1];
    }
    losses.push_back(loss);
    sums[0] /= static_cast<double>(kTasks);
    sums[1] /= static_cast<double>(kTasks);
    AdamWUpdate(optimizer, model.params(), kTotal, &sums, &expected.params, &expected.optimizer);
  }

  std::vector<double> norms;
  for (const int threads : {1, 2}) {
    TaskPool pool(threads);
    LearnerState state = StartLearning(model.Init());
    for (int64_t step = 0; step < kTotal; ++step) {
      const absl::StatusOr<StepStats> stats = MetaStep(
          *learner, model, optimizer, kTotal, kTasks,
          [&](int64_t task) {
            if (task == 0) {
              std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the first is done last
            }
            return model.Deal(task);
          },
          &pool, &state);
      ASSERT_TRUE(stats.ok()) << stats.status();
      EXPECT_EQ(stats->query_loss, losses[static_cast<size_t>(step)]);
      norms.push_back(stats->gradient_norm);
    }
    const std::string what = absl::StrCat(threads, " threads");
    EXPECT_EQ(state.meta_step, kTotal);
    EXPECT_EQ(state.optimizer.step, kTotal);
    ExpectSameBits(state.params, expected.params, what);
    ExpectSameBits(state.optimizer.first, expected.optimizer.first, what);
    ExpectSameBits(state.optimizer.second, expected.optimizer.second, what);
  }
  for (size_t step = 0; step < kTotal; ++step) {
    EXPECT_EQ(norms[step], norms[step + kTotal]) << step;
  }
}

TEST(MetaStepTest, WhatIsNotFiniteIsAnErrorAndChangesNothing) {
  TaskPool pool(2);
  const std::unique_ptr<Learner> learner = MakeLearner(PlainGradient());
  for (const bool in_loss : {true, false}) {
    TableModel model;
    LearnerState state = StartLearning(model.Init());
    const auto step = [&] {
      return MetaStep(
          *learner, model, MetaOptimizerSpec(), 10, 3, [&](int64_t task) { return model.Deal(task); }, &pool, &state);
    };
    ASSERT_TRUE(step().ok());
    (in_loss ? model.infinite_loss : model.infinite_gradient) = 1;
    const ParamList params = Detached(state.params);
    const ParamList first = Detached(state.optimizer.first);
    const ParamList second = Detached(state.optimizer.second);
    const absl::StatusOr<StepStats> stats = step();
    ASSERT_FALSE(stats.ok());
    if (in_loss) {
      EXPECT_EQ(stats.status().message(),
                "meta-step 1: the loss or its gradient is not finite (loss inf); smaller inner or meta learning rates "
                "may help");
    } else {
      EXPECT_THAT(std::string(stats.status().message()),
                  ::testing::StartsWith("meta-step 1: the loss or its gradient is not finite (loss "));
      EXPECT_THAT(std::string(stats.status().message()), ::testing::Not(::testing::HasSubstr("inf")));
    }
    EXPECT_EQ(state.meta_step, 1);
    EXPECT_EQ(state.optimizer.step, 1);
    ExpectSameBits(state.params, params, "parameters");
    ExpectSameBits(state.optimizer.first, first, "first moments");
    ExpectSameBits(state.optimizer.second, second, "second moments");
  }
}

TEST(TaskPoolTest, RunsEachTaskOnceAndRethrows) {
  for (const int threads : {1, 2, 4}) {
    TaskPool pool(threads);
    for (const int64_t count : {0, 1, 3, 100}) {
      std::vector<int> calls(static_cast<size_t>(count));
      pool.Run(count, [&](int64_t i) { ++calls[static_cast<size_t>(i)]; });
      EXPECT_EQ(std::count(calls.begin(), calls.end(), 1), count);
      if (count > 0) {
        try {
          pool.Run(count, [&](int64_t i) {
            if (i == count / 2) {
              throw std::runtime_error(absl::StrCat("task ", i));
            }
          });
          ADD_FAILURE() << "nothing was thrown";
        } catch (const std::runtime_error& error) {
          EXPECT_EQ(std::string(error.what()), absl::StrCat("task ", count / 2));
        }
      }
    }
  }
}

// What every learner promises, on the real model in double precision.
// By itself, and, if it can, with a class head that adapts.
struct LearnerCase {
  std::string name;
  double class_lr = 0;
};

std::ostream& operator<<(std::ostream& out, const LearnerCase& one) {
  return out << one.name << ", class_inner_lr " << one.class_lr;
}

class EveryLearnerTest : public ::testing::TestWithParam<LearnerCase> {
 protected:
  static constexpr int64_t kVocab = 24;
  static constexpr int64_t kWays = 3;

  static ModelSpec Spec() {
    ModelSpec spec;
    BertSpec& bert = *spec.mutable_encoder()->mutable_bert();
    bert.set_layers(1);
    bert.set_width(8);
    bert.set_heads(2);
    bert.set_intermediate(12);
    bert.set_max_positions(16);
    bert.set_init_std(1);
    return spec;
  }

  // Way w is called by word way[w]; the texts of a class hold words of their own.
  static Batch MakeBatch(int64_t texts_a_way, uint64_t seed, const std::vector<int64_t>& way) {
    std::vector<PromptedText> texts;
    std::vector<int64_t> labels;
    Random random(seed);
    for (int64_t one = 0; one < kWays; ++one) {
      for (int64_t i = 0; i < texts_a_way; ++i) {
        PromptedText text;
        text.ids = {0, 1, kVocab};  // [CLS], [MASK], the soft vector
        text.mask = 1;
        for (int64_t k = 0; k <= i; ++k) {
          text.ids.push_back(4 + 5 * one + static_cast<int64_t>(random.Below(4)));
        }
        texts.push_back(text);
        labels.push_back(std::find(way.begin(), way.end(), one) - way.begin());
      }
    }
    Answers answers{at::tensor(at::ArrayRef<int64_t>(way), at::kLong).view({kWays, 1}) + 20,
                    at::ones({kWays, 1}, at::kDouble)};
    return PackBatch(texts, labels, answers, at::kDouble);
  }

  std::unique_ptr<Learner> Make(int inner_steps, double rate = 0.1) const {
    LearnerSpec spec;
    const google::protobuf::FieldDescriptor* field = LearnerSpec::descriptor()->FindFieldByName(GetParam().name);
    const google::protobuf::Descriptor* kind = field->message_type();
    spec.GetReflection()->MutableMessage(&spec, field);
    for (const auto& [name, value] : {std::make_pair("inner_steps", absl::StrCat(inner_steps)),
                                      std::make_pair("encoder_inner_lr", absl::StrCat(rate)),
                                      std::make_pair("prompt_inner_lr", absl::StrCat(2 * rate)),
                                      std::make_pair("class_inner_lr", absl::StrCat(GetParam().class_lr))}) {
      if (kind->FindFieldByName(name) != nullptr) {
        EXPECT_TRUE(SetField(absl::StrCat(GetParam().name, ".", name, "=", value), &spec).ok());
      }
    }
    EXPECT_TRUE(BrokenRules(spec).empty());
    return MakeLearner(spec);
  }
  static bool HasInnerSteps() {
    return LearnerSpec::descriptor()
               ->FindFieldByName(GetParam().name)
               ->message_type()
               ->FindFieldByName("inner_steps") != nullptr;
  }

  static at::Tensor Logits(const ParamList& params, const Batch& batch) {
    return Model().Forward(params, batch).logits;
  }
  static const PromptModel& Model() {
    static const auto* const model = new PromptModel(Spec(), kVocab, 1);
    return *model;
  }

  void SetUp() override {
    SetOperationThreads(1);  // as a pool's tasks have it: LibTorch's layer norm sums in another order on more threads
    // Noise on all of it: the initialisation has zeros, behind which nothing has a gradient.
    Random random(SubSeed(4, "noise"));
    for (const at::Tensor& param : Model().Init(4)) {
      meta_.push_back(param.to(at::kDouble) + RandomTensor(param.sizes(), &random) * 0.2);
    }
    episode_.rows = at::arange(kVocab);
    episode_.support = MakeBatch(2, 1, {0, 1, 2});
    episode_.query = MakeBatch(4, 2, {0, 1, 2});
  }

  ParamList meta_;
  Episode episode_;
};

TEST_P(EveryLearnerTest, LeavesItsInputAsItIs) {
  const std::unique_ptr<Learner> learner = Make(3);
  const ParamList before = Detached(meta_);
  const ParamList adapted = learner->Adapt(Model(), meta_, episode_.support);
  const TaskGradient task = learner->MetaGradient(Model(), meta_, episode_, 0);
  ExpectSameBits(meta_, before, "after Adapt and MetaGradient");
  double moved = 0;
  ASSERT_EQ(task.grads.size(), meta_.size());
  for (size_t i = 0; i < meta_.size(); ++i) {
    EXPECT_FALSE(meta_[i].requires_grad()) << "the input got a graph";
    EXPECT_FALSE(adapted[i].requires_grad()) << "the adapted parameters drag a graph along";
    EXPECT_EQ(adapted[i].sizes(), meta_[i].sizes());
    moved += (adapted[i] - meta_[i]).abs().sum().item<double>();
    if (task.grads[i].defined()) {
      EXPECT_EQ(task.grads[i].sizes(), meta_[i].sizes());
      EXPECT_FALSE(task.grads[i].requires_grad());
    }
  }
  EXPECT_GT(moved, 0);
  EXPECT_EQ(adapted.size(), meta_.size() + (GetParam().class_lr > 0 ? 2 : 0));
}

TEST_P(EveryLearnerTest, NoInnerStepsAreThePlainModel) {
  if (!HasInnerSteps()) {
    GTEST_SKIP() << "no inner steps";
  }
  const ParamList adapted = Make(0)->Adapt(Model(), meta_, episode_.support);
  EXPECT_TRUE(at::equal(Logits(adapted, episode_.query), Logits(meta_, episode_.query)));
}

TEST_P(EveryLearnerTest, SameBitsEachTimeOnSeveralThreadsAndWithoutGradMode) {
  const std::unique_ptr<Learner> learner = Make(2);
  const ParamList once = learner->Adapt(Model(), meta_, episode_.support);
  const TaskGradient task = learner->MetaGradient(Model(), meta_, episode_, 3);
  std::vector<ParamList> others(4);
  std::vector<TaskGradient> tasks(4);
  TaskPool pool(2);
  pool.Run(4, [&](int64_t i) {
    const at::NoGradGuard no_grad;
    others[static_cast<size_t>(i)] = learner->Adapt(Model(), meta_, episode_.support);
    tasks[static_cast<size_t>(i)] = learner->MetaGradient(Model(), meta_, episode_, 3);
  });
  for (size_t i = 0; i < others.size(); ++i) {
    ExpectSameBits(others[i], once, "Adapt");
    ExpectSameBits(tasks[i].grads, task.grads, "MetaGradient");
    EXPECT_EQ(tasks[i].query_loss, task.query_loss);
    EXPECT_EQ(tasks[i].query_accuracy, task.query_accuracy);
  }
}

TEST_P(EveryLearnerTest, RenumberingTheWaysRenumbersThePredictions) {
  const std::unique_ptr<Learner> learner = Make(3);
  const std::vector<int64_t> way = {2, 0, 1};  // way w is what way[w] was
  Episode renumbered = episode_;
  renumbered.support = MakeBatch(2, 1, way);
  renumbered.query = MakeBatch(4, 2, way);
  const at::Tensor before = Logits(learner->Adapt(Model(), meta_, episode_.support), episode_.query);
  const at::Tensor after = Logits(learner->Adapt(Model(), meta_, renumbered.support), renumbered.query);
  const at::Tensor order = at::tensor(at::ArrayRef<int64_t>(way), at::kLong);
  EXPECT_LT((after - before.index_select(1, order)).abs().max().item<double>(), 1e-12);
  const TaskGradient a = learner->MetaGradient(Model(), meta_, episode_, 0);
  const TaskGradient b = learner->MetaGradient(Model(), meta_, renumbered, 0);
  EXPECT_NEAR(a.query_loss, b.query_loss, 1e-12);
}

TEST_P(EveryLearnerTest, AdaptingLowersTheSupportLoss) {
  const ParamList adapted = Make(100)->Adapt(Model(), meta_, episode_.support);
  const auto loss = [&](const ParamList& params) {
    return CrossEntropy(Logits(params, episode_.support), episode_.support.labels).item<double>();
  };
  EXPECT_LT(loss(adapted), 0.5 * loss(meta_));
}

std::vector<LearnerCase> AllLearners() {
  const google::protobuf::OneofDescriptor* kinds = LearnerSpec::descriptor()->FindOneofByName("kind");
  std::vector<LearnerCase> cases;
  for (int i = 0; i < kinds->field_count(); ++i) {
    cases.push_back({kinds->field(i)->name()});
    if (kinds->field(i)->message_type()->FindFieldByName("class_inner_lr") != nullptr) {
      cases.push_back({kinds->field(i)->name(), 0.3});
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Spec, EveryLearnerTest, ::testing::ValuesIn(AllLearners()),
                         [](const ::testing::TestParamInfo<LearnerCase>& info) {
                           return info.param.name + (info.param.class_lr > 0 ? "_with_class_head" : "");
                         });

}  // namespace
}  // namespace metaprompt

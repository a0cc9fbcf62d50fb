// The update of meta-training: AdamW and its schedules, the mean over tasks in their order on any number of threads,
// errors that change nothing, and the pool of threads itself.
#include "learners/inner/meta_step.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/inner/adamw.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "tests/helpers/differences.h"

namespace metaprompt {
namespace {

void ExpectSameBits(const ParamList& a, const ParamList& b, const std::string& what) {
  ASSERT_EQ(a.size(), b.size()) << what;
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].defined(), b[i].defined()) << what << ", parameter " << i;
    if (a[i].defined()) {
      EXPECT_TRUE(at::equal(a[i], b[i])) << what << ", parameter " << i;
    }
  }
}

TEST(AdamWTest, RateShareRisesThenFalls) {
  const std::vector<double> expected = {1 / 4.0, 2 / 4.0, 3 / 4.0, 1,       6 / 7.0, 5 / 7.0,
                                        4 / 7.0, 3 / 7.0, 2 / 7.0, 1 / 7.0, 0};
  for (size_t step = 0; step < expected.size(); ++step) {
    const auto at = static_cast<int64_t>(step);
    EXPECT_DOUBLE_EQ(RateShare({0.3, FROM_FIRST, LINEAR, 0}, at, 10), expected[step]) << step;
    EXPECT_DOUBLE_EQ(RateShare({0.3, FROM_FIRST, CONSTANT, 0.5}, at, 10), step < 3 ? expected[step] : 1) << step;
    const double rest = step < 3 ? 1 : expected[step];
    const double least = step < 3 ? expected[step] : 0.2 + 0.8 * rest;
    EXPECT_DOUBLE_EQ(RateShare({0.3, FROM_FIRST, LINEAR, 0.2}, at, 10), least) << step;
    const double cosine = step < 3 ? expected[step] : 0.2 + 0.4 * (1 + std::cos(M_PI * (1 - rest)));
    EXPECT_NEAR(RateShare({0.3, FROM_FIRST, COSINE, 0.2}, at, 10), cosine, 1e-14) << step;
  }
  EXPECT_DOUBLE_EQ(RateShare({0, FROM_FIRST, CONSTANT, 0}, 0, 10), 1);
  EXPECT_DOUBLE_EQ(RateShare({0, FROM_FIRST, LINEAR, 0}, 9, 10), 0.1);
  EXPECT_DOUBLE_EQ(RateShare({1, FROM_FIRST, LINEAR, 0}, 9, 10), 10 / 11.0);
  // Like get_linear_schedule_with_warmup of transformers: a thirtieth of 15 steps is no step, of 30 one, of 100 three.
  const Schedule linear{0.0333333333333, FROM_ZERO, LINEAR, 0};
  EXPECT_EQ(RateShare(linear, 0, 15), 1);
  EXPECT_EQ(RateShare(linear, 0, 30), 0);
  EXPECT_EQ(RateShare(linear, 1, 30), 1);
  EXPECT_DOUBLE_EQ(RateShare(linear, 15, 30), 15 / 29.0);
  EXPECT_DOUBLE_EQ(RateShare(linear, 1, 100), 1 / 3.0);
  EXPECT_DOUBLE_EQ(RateShare(linear, 50, 100), 50 / 97.0);
}

TEST(AdamWTest, PlainDescentMovesByRateTimesClippedGradient) {
  const std::vector<ParamInfo> infos = {{"matrix", {2}, ParamGroup::kEncoder, 0, /*decay=*/true},
                                        {"prompt", {1}, ParamGroup::kPrompt},
                                        {"updates", {1}, ParamGroup::kLora},
                                        {"sizes", {1}, ParamGroup::kLearner}};
  MetaOptimizerSpec spec;
  spec.set_optimizer(MetaOptimizerSpec::SGD);
  spec.set_encoder_lr(0.5);
  spec.set_prompt_lr(0.25);
  spec.set_lora_lr(0.125);
  spec.set_learner_lr(2);
  spec.set_weight_decay(0.1);
  spec.set_warmup_share(0);
  spec.set_decay(CONSTANT);
  spec.set_clip_norm(5);
  const auto numbers = [](std::vector<double> values) { return at::tensor(at::ArrayRef<double>(values), at::kDouble); };
  ParamList params = {numbers({1, 2}), numbers({3}), numbers({4}), numbers({5})};
  ParamList grads = {numbers({6, 0}), numbers({8}), numbers({0}), at::Tensor()};  // of norm 10: halved
  AdamWState state = NoMoments(params);
  EXPECT_EQ(AdamWUpdate(spec, infos, 4, grads, &params, &state), 10);
  EXPECT_TRUE(at::allclose(params[0], numbers({1 * 0.95 - 0.5 * 3, 2 * 0.95})));
  EXPECT_EQ(params[1].item<double>(), 3 - 0.25 * 4);
  EXPECT_EQ(params[2].item<double>(), 4);
  EXPECT_EQ(params[3].item<double>(), 5);
  EXPECT_EQ(state.step, 1);
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
  AdamWState state = NoMoments(params);
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
    EXPECT_NEAR(AdamWUpdate(spec, infos, kTotal, grads, &params, &state), norm, 1e-12);
    EXPECT_EQ(state.step, t);
    for (size_t i = 0; i < infos.size(); ++i) {
      for (size_t j = 0; j < theta[i].size(); ++j) {
        EXPECT_NEAR(params[i].data_ptr<double>()[j], theta[i][j], 1e-12) << infos[i].name << ", update " << t;
      }
    }
  }
  EXPECT_EQ(clipped, 6);  // both cases occurred
  EXPECT_FALSE(state.first[4].defined() || state.second[4].defined()) << "it never had a gradient";
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
    AdamWState state = NoMoments(params);
    AdamWUpdate(spec, infos, 10, grads, &params, &state);
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
  AdamWState state = NoMoments(params);
  AdamWUpdate(spec, infos, 10, grads, &params, &state);
  EXPECT_NEAR(state.first[0].item<double>(), 1e5, 1e-6);
}

Batch BatchOf(int64_t which) {
  Batch batch;
  batch.inputs = PointInputs{at::full({1}, which, at::kLong)};
  return batch;
}

// Two float32 parameters: a table of which each task uses different rows, and a vector so long that LibTorch would
// split its reduction over threads. L = Σ (table − t)² + w · (vector − t)², with t and w of the task.
class TableModel : public Model {
 public:
  static constexpr int64_t kRows = 9;
  static constexpr int64_t kLong = 200003;

  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ModelParams& params, const Batch& batch) const override {
    const double t = 0.1 * static_cast<double>(std::get<PointInputs>(batch.inputs).x.item<int64_t>());
    const at::Tensor table = (params[0] - t).pow(2).sum();
    return {(table + ((params[1] - t).pow(2) * weights_).sum()).view({1, 1}), {}, {}};
  }
  at::Tensor Loss(const ModelOutput& output, const Batch& batch) const override {
    const int64_t task = std::get<PointInputs>(batch.inputs).x.item<int64_t>();
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
  spec.mutable_maml();
  spec.mutable_inner()->set_steps(0);
  return spec;
}

TEST(MetaStepTest, MeanOfTheTasksInOrderWithTheSameBitsOnAnyNumberOfThreads) {
  constexpr int64_t kTasks = 5;
  constexpr int64_t kTotal = 4;
  const TableModel model;
  const std::unique_ptr<Learner> learner = MakeLearner(PlainGradient());
  MetaOptimizerSpec optimizer;  // clips, since the gradient is long

  // By hand, one task after another. The sums within a task use one thread, as in a pool.
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
    AdamWUpdate(optimizer, model.params(), kTotal, sums, &expected.params, &expected.optimizer);
  }

  std::vector<double> norms;
  for (const int threads : {1, 2}) {
    TaskPool pool(threads);
    LearnerState state = StartLearning(model.Init());
    for (int64_t step = 0; step < kTotal; ++step) {
      MetaBatch batch;
      batch.tasks = kTasks;
      batch.episode = [&](int64_t task, int64_t /*count*/) {
        if (task == 0) {
          std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the first is done last
        }
        return model.Deal(task);
      };
      const absl::StatusOr<StepStats> stats = MetaStep(*learner, model, optimizer, kTotal, batch, &pool, &state);
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
      MetaBatch batch;
      batch.tasks = 3;
      batch.episode = [&](int64_t task, int64_t /*count*/) { return model.Deal(task); };
      return MetaStep(*learner, model, MetaOptimizerSpec(), 10, batch, &pool, &state);
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
                "meta-step 1: the query loss is inf; the parameters are finite before the step, so that smaller inner "
                "step sizes may help");
    } else {
      EXPECT_THAT(std::string(stats.status().message()),
                  ::testing::AllOf(::testing::StartsWith("meta-step 1: the gradient of "),
                                   ::testing::HasSubstr(" numbers are not finite; the first is number ")));
    }
    EXPECT_EQ(state.meta_step, 1);
    EXPECT_EQ(state.optimizer.step, 1);
    ExpectSameBits(state.params, params, "parameters");
    ExpectSameBits(state.optimizer.first, first, "first moments");
    ExpectSameBits(state.optimizer.second, second, "second moments");
  }
}

TEST(MetaStepTest, ParametersThatAnUpdateMadeInfiniteAreNamedWithTheUpdate) {
  TaskPool pool(1);
  const std::unique_ptr<Learner> learner = MakeLearner(PlainGradient());
  TableModel model;
  LearnerState state = StartLearning(model.Init());
  MetaBatch batch;
  batch.episode = [&](int64_t task, int64_t /*count*/) { return model.Deal(task); };
  MetaOptimizerSpec optimizer;
  const auto step = [&] { return MetaStep(*learner, model, optimizer, 10, batch, &pool, &state); };
  ASSERT_TRUE(step().ok());
  state.params[0].fill_(std::numeric_limits<double>::infinity());
  EXPECT_THAT(std::string(step().status().message()),
              ::testing::StartsWith("meta-step 1: the parameters are not finite since the update of meta-step 0, so "
                                    "that smaller rates in learner.meta_optimizer may help: "));
}

// If there are few tasks, their products use all threads from the first task on, not only after many tasks have run in
// parallel.
TEST(TaskPoolTest, FewTasksHaveAllThreads) {
  std::thread fresh([] {  // a thread that has never asked LibTorch for its number of threads
    TaskPool pool(3);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the workers have set their numbers of threads
    const auto threads = [&](int64_t count) {
      std::atomic<int> sum = 0;
      pool.Run(count, [&](int64_t /*task*/) { sum += at::get_num_threads(); });
      return sum.load();
    };
    EXPECT_EQ(threads(1), 3);
    EXPECT_EQ(threads(3), 3);
    EXPECT_EQ(threads(2), 6);
  });
  fresh.join();
}

TEST(TaskPoolTest, StopsBetweenTasksAndSaysHowManyAreDone) {
  for (const int threads : {1, 2, 4}) {
    std::atomic<bool> stop(false);
    TaskPool pool(threads, &stop);
    for (const int64_t at : {0, 3, 40}) {
      stop = false;
      std::vector<int> calls(100);
      int64_t looks = 0;
      const int64_t done = pool.Run(
          100,
          [&](int64_t i) {
            ++calls[static_cast<size_t>(i)];
            if (i == at) {
              stop = true;
            }
            while (i > at && !stop) {  // the thread with task `at` may be the slowest
              std::this_thread::yield();
            }
          },
          [&] { ++looks; });
      EXPECT_GT(done, at);
      EXPECT_LE(done, at + threads);
      EXPECT_EQ(std::count(calls.begin(), calls.begin() + done, 1), done) << "those that are done are the first";
      EXPECT_EQ(std::count(calls.begin() + done, calls.end(), 0), 100 - done);
      EXPECT_EQ(pool.Run(5, [](int64_t) { ADD_FAILURE() << "no task starts while it is set"; }), 0);
      if (threads == 1) {
        EXPECT_EQ(looks, done);
      }
    }
    stop = false;
    EXPECT_EQ(pool.Run(7, [](int64_t) {}), 7);
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

}  // namespace
}  // namespace metaprompt

// Sinusoid regression: the tasks have the documented distribution, several tasks in one batch give the results of each
// task alone, meta-gradients agree with differences, and training helps.
#include "experiments/commands/sinusoid.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <numeric>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "experiments/commands/sinusoid_model.h"
#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/specs/spec_fields.h"
#include "tests/helpers/differences.h"

namespace metaprompt {
namespace {

const at::Tensor& PointsOf(const Batch& batch) { return std::get<PointInputs>(batch.inputs).x; }

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr double kPi = 3.14159265358979323846;

LearnerSpec Spec(const std::string& text) {
  LearnerSpec spec;
  EXPECT_EQ(ParseSpec(text, "spec", &spec), absl::OkStatus());
  return spec;
}

struct World {
  SinusoidModel model;
  std::unique_ptr<Learner> learner;
  ParamList meta;  // in double precision

  explicit World(const LearnerSpec& spec) : learner(MakeLearner(spec)) {
    for (const at::Tensor& param : WithOwn(model, *learner, model.Init(3), 3)) {
      meta.push_back(param.to(at::kDouble));
    }
  }
};

constexpr SinusoidTasks kTasks = {1, "train", 6, 9, at::kDouble};

// The numbers of one task.
at::Tensor Part(const at::Tensor& points, int64_t tasks, int64_t task) { return points.view({tasks, -1})[task]; }

TEST(SinusoidEpisodeTest, IsAFunctionOfSeedPurposeAndIndex) {
  const Episode three = SinusoidEpisode(kTasks, 7, 3);
  const Episode one = SinusoidEpisode(kTasks, 8, 1);
  EXPECT_TRUE(at::equal(Part(PointsOf(three.support), 3, 1), PointsOf(one.support)));
  EXPECT_TRUE(at::equal(Part(three.support.labels, 3, 1), one.support.labels));
  EXPECT_TRUE(at::equal(Part(three.query.labels, 3, 1), one.query.labels));
  SinusoidTasks other = kTasks;
  other.queries = 100;
  EXPECT_TRUE(at::equal(SinusoidEpisode(other, 8, 1).support.labels, one.support.labels));
  other.purpose = "test";
  EXPECT_FALSE(at::equal(SinusoidEpisode(other, 8, 1).support.labels, one.support.labels));
  other = kTasks;
  other.seed = 2;
  EXPECT_FALSE(at::equal(SinusoidEpisode(other, 8, 1).support.labels, one.support.labels));
}

// a sin(x - p) = u sin x + v cos x: amplitude and phase follow from two least-squares coefficients.
TEST(SinusoidEpisodeTest, HasThePapersRanges) {
  constexpr int64_t kCount = 4000;
  const Episode episode = SinusoidEpisode(kTasks, 0, kCount);
  const at::Tensor x = PointsOf(episode.query).view({kCount, -1});
  const at::Tensor y = episode.query.labels.view({kCount, -1});
  const at::Tensor sine = x.sin();
  const at::Tensor cosine = x.cos();
  const auto sum = [](const at::Tensor& values) { return values.sum(1, /*keepdim=*/true); };
  const at::Tensor ss = sum(sine * sine);
  const at::Tensor sc = sum(sine * cosine);
  const at::Tensor cc = sum(cosine * cosine);
  const at::Tensor det = ss * cc - sc * sc;
  const at::Tensor u = (cc * sum(sine * y) - sc * sum(cosine * y)) / det;
  const at::Tensor v = (ss * sum(cosine * y) - sc * sum(sine * y)) / det;
  EXPECT_LT(MaxDifference(u * sine + v * cosine, y), 1e-9);
  const at::Tensor amplitude = (u * u + v * v).sqrt();
  const at::Tensor phase = at::atan2(-v, u);
  const auto expect_uniform = [](const at::Tensor& values, double low, double high) {
    EXPECT_GT(values.min().item<double>(), low - 1e-9);
    EXPECT_LT(values.max().item<double>(), high);
    const double width = high - low;  // the tolerance is five standard deviations of the mean
    EXPECT_NEAR(values.mean().item<double>(), (low + high) / 2,
                5 * width / std::sqrt(12.0 * static_cast<double>(values.numel())));
    EXPECT_LT(values.min().item<double>(), low + 0.01 * width);
    EXPECT_GT(values.max().item<double>(), high - 0.01 * width);
  };
  expect_uniform(amplitude, 0.1, 5);
  expect_uniform(phase, 0, kPi);
  expect_uniform(x.reshape(-1), -5, 5);
}

TEST(SinusoidModelTest, TasksOfABatchAreThoseTasksOneByOne) {
  constexpr int64_t kCount = 5;
  for (const char* text : {
           "maml {} inner { steps: 1 }",
           "maml {} inner { steps: 3 } meta_gradient { way: KEEP_GRAPH }",
           "maml {} inner { steps: 3 } meta_gradient { way: RECOMPUTE }",
           "maml { order: FIRST } inner { steps: 2 }",
           "maml { multi_step {} learned_rates: true } inner { steps: 2 }",
           "maml {} inner { steps: 2 optimizer: ADAMW }",
           "maml {} inner { steps: 2 } adapts { part: BIASES }",
           "meta_sgd {} inner { steps: 2 }",
           "anil {} inner { steps: 2 }",
           "reptile {} inner { steps: 3 }",
       }) {
    const World world(Spec(text));
    ASSERT_TRUE(world.learner->TakesSeveralTasks(world.model)) << text;
    const TaskGradient together =
        world.learner->MetaGradient(world.model, world.meta, SinusoidEpisode(kTasks, 2, kCount), 0);
    double loss = 0;
    ParamList sums(world.meta.size());
    for (int64_t t = 0; t < kCount; ++t) {
      const TaskGradient task =
          world.learner->MetaGradient(world.model, world.meta, SinusoidEpisode(kTasks, 2 + t, 1), 0);
      loss += task.query_loss;
      for (size_t i = 0; i < sums.size(); ++i) {
        if (task.grads[i].defined()) {
          sums[i] = sums[i].defined() ? sums[i] + task.grads[i] : task.grads[i];
        }
      }
    }
    EXPECT_NEAR(together.query_loss / loss, 1, 1e-12) << text;
    for (size_t i = 0; i < sums.size(); ++i) {
      const std::string what = absl::StrCat(text, ", parameter ", i);
      ASSERT_EQ(together.grads[i].defined(), sums[i].defined()) << what;
      if (sums[i].defined()) {
        ASSERT_EQ(together.grads[i].sizes(), sums[i].sizes()) << what;
        EXPECT_LT(MaxDifference(together.grads[i], sums[i]), 1e-12 * sums[i].abs().max().item<double>()) << what;
      }
    }
  }
}

TEST(SinusoidModelTest, MetaGradientIsThatOfDifferences) {
  const Episode episode = SinusoidEpisode(kTasks, 0, 3);
  for (const char* text : {"maml {} inner { steps: 1 }", "maml {} inner { steps: 3 }", "meta_sgd {} inner { steps: 1 }",
                           "meta_sgd {} inner { steps: 3 }"}) {
    const World world(Spec(text));
    const auto value = [&](const ParamList& meta) {
      const ModelParams adapted = world.learner->Adapt(world.model, meta, episode.support).model;
      return world.model.Loss(world.model.Forward(adapted, episode.query), episode.query).item<double>();
    };
    const TaskGradient task = world.learner->MetaGradient(world.model, world.meta, episode, 0);
    EXPECT_NEAR(task.objective / value(world.meta), 1, 1e-12) << text;
    const double norm = std::sqrt(Dot(task.grads, task.grads));
    Random random(5);
    for (size_t i = 0; i <= world.meta.size(); ++i) {  // each parameter, and last the gradient's own direction
      ParamList direction(world.meta.size());
      for (size_t j = 0; j < direction.size(); ++j) {
        // Such a short step crosses no kink of the network's ReLUs.
        const at::Tensor one = i == j ? Unit(RandomTensor(world.meta[j].sizes(), &random)) : task.grads[j] / norm;
        direction[j] = i == j || i == world.meta.size() ? one * 0.003 : at::Tensor();
      }
      EXPECT_NEAR(Difference<double>(world.meta, direction, value), Dot(task.grads, direction), 1e-6 * 0.003 * norm)
          << text << ", direction " << i;
    }
  }
}

SinusoidOptions Short(const std::string& learner) {
  SinusoidOptions options;
  options.learner = learner;
  options.meta_steps = 300;
  options.meta_batch = 10;
  if (learner == "reptile") {
    options.inner_lr = 0.02;
  } else {
    options.meta_lr = 0.02;
  }
  options.test_tasks = 100;
  options.test_queries = 20;
  return options;
}

TEST(SinusoidTest, TrainingLowersTheErrorAfterAdaptation) {
  std::ostringstream err;
  Progress progress(&err, /*terminal=*/false);
  const std::atomic<bool> go{false};
  const SinusoidModel model;
  const Episode test = SinusoidEpisode({0, "test", 10, 50}, 0, 100);
  const auto mean = [](const std::vector<double>& errors) {
    return std::accumulate(errors.begin(), errors.end(), 0.0) / static_cast<double>(errors.size());
  };
  for (const char* learner : {"maml", "meta_sgd", "reptile"}) {
    const SinusoidOptions options = Short(learner);
    const LearnerSpec spec = *SinusoidLearner(options);
    const ParamList params = *TrainSinusoid(options, spec, model, &progress, go);
    EXPECT_LT(mean(SinusoidErrors(spec, spec.inner().steps(), model, params, test)),
              0.75 * mean(SinusoidErrors(spec, 0, model, params, test)))
        << learner;
  }
}

TEST(SinusoidTest, ARunPrintsErrorsAndWritesItsCurve) {
  std::ostringstream err;
  Progress progress(&err, /*terminal=*/false);
  const std::atomic<bool> go{false};
  SinusoidOptions options = Short("meta_sgd");
  options.meta_steps = 2;
  options.test_steps = {0, 2};
  options.curve = absl::StrCat(::testing::TempDir(), "/curve.tsv");
  std::ostringstream out;
  ASSERT_EQ(RunSinusoid(options, &progress, &out, go), absl::OkStatus());
  const std::string number = "[0-9]+\\.[0-9]+";
  EXPECT_THAT(out.str(),
              MatchesRegex(absl::StrCat("meta_sgd, 10-shot, 2 meta-steps of 10 tasks in ", number, " s, seed 0\n",
                                        "mean squared error ± 95 % interval over 100 test tasks of 20 query points\n\n",
                                        "inner steps   error\n", "          0   ", number, " ± ", number, "\n",
                                        "          2   ", number, " ± ", number, "\n")));
  const absl::StatusOr<std::string> curve = ReadFile(options.curve);
  ASSERT_TRUE(curve.ok()) << curve.status();
  const std::string pair = absl::StrCat("\t", number, "\t", number, "\n");
  EXPECT_THAT(*curve, MatchesRegex(absl::StrCat("meta_step\tbefore\tafter\n0", pair, "1", pair, "2", pair)));
}

TEST(SinusoidTest, TheSameSeedGivesTheSameBits) {
  std::ostringstream err;
  Progress progress(&err, /*terminal=*/false);
  const std::atomic<bool> go{false};
  const SinusoidModel model;
  for (const char* learner : {"maml", "meta_sgd", "reptile"}) {
    SinusoidOptions options = Short(learner);
    options.meta_steps = 10;
    const LearnerSpec spec = *SinusoidLearner(options);
    const ParamList first = *TrainSinusoid(options, spec, model, &progress, go);
    options.threads = 2;
    const ParamList second = *TrainSinusoid(options, spec, model, &progress, go);
    options.seed = 1;
    const ParamList other = *TrainSinusoid(options, spec, model, &progress, go);
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_TRUE(at::equal(first[i], second[i])) << learner << ", parameter " << i;
      EXPECT_FALSE(at::equal(first[i], other[i])) << learner << ", parameter " << i;
    }
  }
}

TEST(SinusoidTest, ErrorsSayWhatIsWrong) {
  std::ostringstream err;
  Progress progress(&err, /*terminal=*/false);
  const std::atomic<bool> go{false};
  const std::atomic<bool> stop{true};
  std::ostringstream out;
  EXPECT_EQ(std::string(RunSinusoid(Short("mamml"), &progress, &out, go).message()),
            "unknown learner 'mamml'; known: maml, meta_sgd, reptile");
  const absl::Status stopped = RunSinusoid(Short("maml"), &progress, &out, stop);
  EXPECT_TRUE(absl::IsCancelled(stopped));
  EXPECT_EQ(std::string(stopped.message()), "stopped at meta-step 0; nothing was written");
  SinusoidOptions nowhere = Short("maml");
  nowhere.meta_steps = 1;
  nowhere.curve = "/nowhere/curve.tsv";
  EXPECT_THAT(std::string(RunSinusoid(nowhere, &progress, &out, go).message()), HasSubstr("/nowhere/curve.tsv"));
  EXPECT_EQ(out.str(), "");
}

TEST(SinusoidTest, TheDumpHoldsMetaGradients) {
  std::ostringstream err;
  Progress progress(&err, /*terminal=*/false);
  const std::atomic<bool> go{false};
  SinusoidOptions options;
  options.dump = absl::StrCat(::testing::TempDir(), "/dump.safetensors");
  std::ostringstream out;
  ASSERT_EQ(RunSinusoid(options, &progress, &out, go), absl::OkStatus());
  const absl::StatusOr<TensorFile> dump = ParseSafetensors(*ReadFile(options.dump), options.dump);
  ASSERT_TRUE(dump.ok()) << dump.status();
  const Episode episode = SinusoidEpisode({0, "dump", 10, 10, at::kDouble}, 0, 10);
  EXPECT_TRUE(at::equal(dump->Find("query.y").reshape(-1), episode.query.labels));
  const World world(Spec("maml {} inner { steps: 3 }"));
  ParamList params;
  for (const ParamInfo& info : world.model.params()) {
    params.push_back(dump->Find(absl::StrCat("param.", info.name)));
  }
  const TaskGradient sum = world.learner->MetaGradient(world.model, params, episode, 0);
  for (size_t i = 0; i < params.size(); ++i) {
    const at::Tensor dumped = dump->Find(absl::StrCat("gradient.3.", world.model.params()[i].name));
    EXPECT_LT(MaxDifference(dumped.sum(0), sum.grads[i]), 1e-12 * sum.grads[i].abs().max().item<double>());
  }
  for (const char* key : {"seconds.1", "seconds.3", "seconds.5"}) {
    double seconds = 0;
    EXPECT_TRUE(absl::SimpleAtod(dump->metadata.at(key), &seconds)) << key;
    EXPECT_GT(seconds, 0) << key;
  }
}

}  // namespace
}  // namespace metaprompt

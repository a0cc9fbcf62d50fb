// Properties that each learner's meta-gradient and meta-training must have, in double precision.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/inner/loss.h"
#include "learners/inner/meta_step.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/learner_facts.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/episode.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/expect_derivative.h"
#include "tests/helpers/test_device.h"
#include "tests/helpers/toy_tasks.h"
#include "tests/learners/conformance.h"

namespace metaprompt {
namespace {

INSTANTIATE_TEST_SUITE_P(Learners, ConformanceTest, ::testing::ValuesIn(AllConformanceCases()),
                         [](const ::testing::TestParamInfo<ConformanceCase>& info) { return info.param.name; });

// MetaGradient returns the derivative of the loss that follows from Adapt and Logits, or of the objective that it
// reports.
TEST_P(ConformanceTest, GradientIsTheObjectivesDerivative) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = BuildEpisode(MakeToyTask(1, 2, 1));
  const ParamList meta = Meta(*learner, episode);
  const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
  if (std::isnan(task.objective)) {
    GTEST_SKIP() << "the direction is not the gradient of any function";
  }
  const auto of_logits = [&](const ParamList& at) { return Loss(*learner, at, episode.support, episode.query); };
  const bool same = std::abs(of_logits(meta) - task.objective) < 1e-12;
  ExpectDerivative(MetaInfos(model(), *learner), MayLearn(meta.size()), meta, task.grads, 1e-6,
                   [&](const ParamList& at) {
                     return same ? of_logits(at) : learner->MetaGradient(model(), at, episode, 0).objective;
                   });
}

TEST_P(ConformanceTest, GraphKeptAndRecomputedAreOneGradient) {
  if (!Heeds(spec(), LearnerFacts::META_GRADIENT)) {
    GTEST_SKIP() << "does not differentiate inner steps";
  }
  const Episode episode = BuildEpisode(MakeToyTask(2, 2, 2));
  const std::unique_ptr<Learner> keep = MakeLearner(WithSettings(spec(), "meta_gradient { way: KEEP_GRAPH }"));
  const std::unique_ptr<Learner> again = MakeLearner(WithSettings(spec(), "meta_gradient { way: RECOMPUTE }"));
  const ParamList meta = Meta(*keep, episode);
  const TaskGradient a = keep->MetaGradient(model(), meta, episode, 0);
  const TaskGradient b = again->MetaGradient(model(), meta, episode, 0);
  EXPECT_NEAR(a.query_loss, b.query_loss, 1e-12);
  EXPECT_EQ(a.query_accuracy, b.query_accuracy);
  if (!std::isnan(a.objective)) {
    EXPECT_NEAR(a.objective, b.objective, 1e-12);
  }
  for (size_t i = 0; i < meta.size(); ++i) {
    ASSERT_EQ(a.grads[i].defined(), b.grads[i].defined()) << i;
    if (a.grads[i].defined()) {
      EXPECT_LT(MaxDifference(a.grads[i], b.grads[i]), 1e-10) << i;
    }
  }
}

// Meta-training reports and minimises the query loss after adaptation, computed with Adapt and Logits. Exceptions are
// in the learners' facts; MAML++'s multi-step loss is another.
TEST_P(ConformanceTest, ObjectiveIsTheQueryLossAfterAdaptation) {
  if (model().drops()) {
    GTEST_SKIP() << "nothing is dropped in what Logits gives";
  }
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = BuildEpisode(MakeToyTask(3, 2, 3));
  const ParamList meta = Meta(*learner, episode);
  const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
  const at::Tensor logits = Logits(*learner, meta, episode.support, episode.query);
  if (!learner_facts().reports_last_step()) {
    EXPECT_NEAR(task.query_loss, CrossEntropy(logits, episode.query.labels).item<double>(), 1e-12);
    EXPECT_EQ(task.query_accuracy, Accuracy(logits, episode.query.labels));
  }
  if (!std::isnan(task.objective) && !learner_facts().own_objective() && !spec().maml().has_multi_step()) {
    EXPECT_NEAR(task.objective, task.query_loss, 1e-12);
  }
}

// Meta-training that continues from a saved state gives the same bits.
TEST_P(ConformanceTest, ALoadedStateGoesOnAsTheSavedOne) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  MetaOptimizerSpec optimizer;
  TaskPool pool(1);
  const auto step = [&](LearnerState* state) {
    MetaBatch batch;
    const auto seed = static_cast<uint64_t>(100 + state->meta_step);
    batch.episode = [=](int64_t /*first*/, int64_t /*count*/) { return BuildEpisode(MakeToyTask(seed, 1, 2)); };
    const absl::StatusOr<StepStats> stats = MetaStep(*learner, model(), optimizer, 4, batch, &pool, state);
    ASSERT_TRUE(stats.ok()) << stats.status();
  };
  LearnerState state = StartLearning(WholeParams(model(), *learner, true));
  const ParamList start = Detached(state.params);
  step(&state);
  TensorFile file;
  const auto lists = [](LearnerState* of) {
    return std::vector<ParamList*>{&of->params, &of->optimizer.first, &of->optimizer.second};
  };
  size_t place = 0;
  for (const ParamList* list : lists(&state)) {
    for (const at::Tensor& tensor : *list) {
      const size_t number = place++;
      if (tensor.defined()) {  // parameters that are not learned have no moments
        file.tensors.emplace_back(absl::StrCat(number), tensor.to(at::kCPU, /*non_blocking=*/false, /*copy=*/true));
      }
    }
  }
  const absl::StatusOr<TensorFile> read = ParseSafetensors(SafetensorsBytes(file), "state");
  ASSERT_TRUE(read.ok()) << read.status();
  LearnerState loaded;
  loaded.meta_step = state.meta_step;
  loaded.optimizer.step = state.optimizer.step;
  size_t next = 0;
  for (ParamList* list : lists(&loaded)) {
    while (list->size() < state.params.size()) {
      const at::Tensor tensor = read->Find(absl::StrCat(next++));
      list->push_back(tensor.defined() ? OnTestDevice(tensor.clone()) : tensor);
    }
  }
  step(&state);
  step(&loaded);
  ExpectSameBits(loaded.params, state.params, "parameters");
  ExpectSameBits(loaded.optimizer.first, state.optimizer.first, "first moments");
  ExpectSameBits(loaded.optimizer.second, state.optimizer.second, "second moments");
  bool moved = false;
  for (size_t i = 0; i < start.size(); ++i) {
    moved = moved || !at::equal(start[i], state.params[i]);
  }
  EXPECT_EQ(moved, Learns(*learner));
  EXPECT_EQ(!moved, learner_facts().trains_nothing());
}

// A learner that takes several tasks in one batch gives the same results as for each task alone, also with other
// settings at meta-test.
TEST_P(ConformanceTest, SeveralTasksAreEachWhatTheyAreAlone) {
  const std::vector<ToyTask> tasks = {MakeToyTask(10, 1, 2), MakeToyTask(11, 1, 2)};
  const auto build = [](const std::vector<ToyTask>& some) {
    const Episode episode = BuildEpisode(some);
    return ScoresSequences(GetParam().model) ? OverWholeVocabulary(episode) : episode;
  };
  const std::vector<Episode> alone = {build({tasks[0]}), build({tasks[1]})};
  const Episode together = build(tasks);
  std::vector<LearnerSpec> specs = {spec()};
  if (HasInnerSteps()) {
    specs.push_back(
        WithSettings(spec(), "inner { encoder_lr: 0 lora_lr: 0 } meta_test { inner { encoder_lr: 0.0625 } }"));
  }
  for (const LearnerSpec& one : specs) {
    const std::unique_ptr<Learner> learner = MakeLearner(one);
    if (!learner->TakesSeveralTasks(model())) {
      continue;
    }
    const std::vector<ParamInfo> infos = MetaInfos(model(), *learner);
    const ParamList whole = WholeParams(model(), *learner, true);
    ParamList expected;
    ParamList sums;
    for (const at::Tensor& param : whole) {
      expected.push_back(at::zeros_like(param));
      sums.push_back(at::zeros_like(param));
    }
    TaskGradient sum;
    std::vector<at::Tensor> logits;
    for (const Episode& episode : alone) {
      const ParamList meta = Meta(*learner, episode);
      const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
      AddLocal(infos, task.grads, episode.rows, &expected);
      sum.query_loss += task.query_loss;
      sum.query_accuracy += task.query_accuracy;
      logits.push_back(Logits(*learner, meta, episode.support, episode.query));
    }
    const ParamList meta = Meta(*learner, together);
    const TaskGradient task = learner->MetaGradient(model(), meta, together, 0);
    AddLocal(infos, task.grads, together.rows, &sums);
    EXPECT_NEAR(task.query_loss, sum.query_loss, 1e-10);
    EXPECT_NEAR(task.query_accuracy, sum.query_accuracy, 1e-12);
    for (size_t i = 0; i < sums.size(); ++i) {
      EXPECT_LT(MaxDifference(sums[i], expected[i]), 1e-10) << infos[i].name;
    }
    EXPECT_LT(MaxDifference(Logits(*learner, meta, together.support, together.query), at::cat(logits)), 1e-10);
  }
}

// A support text with repeats is computed once and counts as much as copies of it.
TEST_P(ConformanceTest, RepeatedTextsAreWorthTheirCopies) {
  if (DependsOnOrder()) {
    GTEST_SKIP() << "copies are other places";
  }
  const std::vector<int64_t> rows = {0, 1, 2, 3, 4, 5, 0, 3, 3, 4};
  std::vector<ToyTask> tasks;
  std::vector<ToyTask> with_copies;
  for (const uint64_t seed : {12, 13}) {
    tasks.push_back(MakeToyTask(seed, 2, 2));
    ToyTask copied = tasks.back();
    for (size_t i = 6; i < rows.size(); ++i) {
      const auto text = static_cast<size_t>(rows[i]);
      copied.support.push_back(copied.support[text]);
      copied.support_labels.push_back(copied.support_labels[text]);
    }
    with_copies.push_back(std::move(copied));
  }
  const auto repeated = [&](const std::vector<ToyTask>& of) {
    Episode episode = BuildEpisode(of);
    std::vector<int64_t> all;
    for (size_t t = 0; t < of.size(); ++t) {
      for (const int64_t row : rows) {
        all.push_back(static_cast<int64_t>(6 * t) + row);
      }
    }
    episode.support.repeats = OnTestDevice(Int64Tensor(all));
    episode.support.labels = episode.support.labels.index_select(0, episode.support.repeats);
    return episode;
  };
  const Episode once = repeated({tasks[0]});
  const Episode copies = BuildEpisode(with_copies[0]);
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const auto same = [&](const Episode& a, const Episode& b) {
    const ParamList meta = Meta(*learner, a);
    const TaskGradient found = learner->MetaGradient(model(), meta, a, 0);
    const TaskGradient expected = learner->MetaGradient(model(), meta, b, 0);
    EXPECT_NEAR(found.query_loss, expected.query_loss, 1e-10);
    for (size_t i = 0; i < meta.size(); ++i) {
      ASSERT_EQ(found.grads[i].defined(), expected.grads[i].defined()) << i;
      if (found.grads[i].defined()) {
        EXPECT_LT(MaxDifference(found.grads[i], expected.grads[i]), 1e-8) << i;
      }
    }
    EXPECT_LT(MaxDifference(Logits(*learner, meta, a.support, a.query), Logits(*learner, meta, b.support, b.query)),
              1e-8);
  };
  same(once, copies);
  if (learner->TakesSeveralTasks(model())) {
    same(repeated(tasks), BuildEpisode(with_copies));
  }
  if (HasInnerSteps()) {  // in mini-batches, some of which contain a text twice
    const std::unique_ptr<Learner> in_batches = MakeLearner(WithSettings(spec(), "meta_test { epochs: 3 batch: 6 }"));
    const auto logits = [&](const Episode& episode) {
      return Logits(*in_batches, Meta(*in_batches, episode), episode.support, episode.query);
    };
    EXPECT_LT(MaxDifference(logits(once), logits(copies)), 1e-8);
  }
}

}  // namespace
}  // namespace metaprompt

// Properties that each learner's adaptation, in double precision, and its facts must have.
#include "tests/learners/conformance.h"

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
#include "google/protobuf/descriptor.h"
#include "google/protobuf/text_format.h"
#include "learners/inner/loss.h"
#include "learners/inner/scope.h"
#include "learners/inner/task_pool.h"
#include "learners/learner.h"
#include "learners/learner_facts.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/random.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/param_lists.h"
#include "tests/helpers/test_device.h"
#include "tests/helpers/toy_tasks.h"

namespace metaprompt {
namespace {

INSTANTIATE_TEST_SUITE_P(Learners, ConformanceTest, ::testing::ValuesIn(AllConformanceCases()),
                         [](const ::testing::TestParamInfo<ConformanceCase>& info) { return info.param.name; });

// Tests that each learner's message has its facts.
class LearnerFactsTest : public ::testing::TestWithParam<const google::protobuf::FieldDescriptor*> {};

INSTANTIATE_TEST_SUITE_P(Learners, LearnerFactsTest, ::testing::ValuesIn(AllLearners()),
                         [](const auto& info) { return info.param->name(); });

TEST_P(LearnerFactsTest, AreComplete) { EXPECT_EQ(MissingFacts(*GetParam()), ""); }

TEST_P(LearnerFactsTest, ALearnerIsMade) {
  LearnerSpec spec;
  spec.GetReflection()->MutableMessage(&spec, GetParam());
  EXPECT_NE(MakeLearner(spec), nullptr);
}

// Adaptation changes the parameters in the scope that the facts or the spec name, and no others of the model. With
// `adapted` among the facts, it changes none of the model's.
TEST_P(ConformanceTest, AdaptsWhatItsFactsName) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = BuildEpisode(MakeToyTask(19, 2, 1));
  const ParamList meta = Meta(*learner, episode);
  const ParamList adapted = learner->Adapt(model(), meta, episode.support).model.params;
  const ParamList start =
      HasInnerSteps()
          ? MakeLearner(WithSettings(spec(), "inner { steps: 0 }"))->Adapt(model(), meta, episode.support).model.params
          : meta;
  std::vector<bool> may(model().params().size(), false);
  if (!learner_facts().has_adapted()) {
    may = InScope(model().params(), AdaptedScope(spec()));
  }
  bool any = false;
  for (size_t i = 0; i < model().params().size(); ++i) {
    const bool changed = !at::equal(adapted[i], start[i]);
    EXPECT_TRUE(may[i] || !changed) << model().params()[i].name << " is not in the scope";
    any = any || changed;
  }
  EXPECT_EQ(any, std::find(may.begin(), may.end(), true) != may.end());
}

// A group of settings that the learner does not use has no effect.
TEST_P(ConformanceTest, IgnoresWhatItDoesNotHeed) {
  LearnerSpec other = spec();
  const std::string settings[] = {"inner { steps: 5 encoder_lr: 0.5 prompt_lr: 0.5 class_lr: 0.5 }",
                                  "adapts { part: BIASES }", "learns { part: BIASES }",
                                  "meta_gradient { way: RECOMPUTE }"};
  for (int group = LearnerFacts::Group_MIN; group <= LearnerFacts::Group_MAX; ++group) {
    if (!Heeds(spec(), static_cast<LearnerFacts::Group>(group))) {
      ASSERT_TRUE(google::protobuf::TextFormat::MergeFromString(settings[group], &other));
    }
  }
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = BuildEpisode(MakeToyTask(20, 2, 1));
  const ParamList meta = Meta(*learner, episode);
  ExpectSameBits(Flat(MakeLearner(other)->Adapt(model(), meta, episode.support)),
                 Flat(learner->Adapt(model(), meta, episode.support)), "adapted");
  ExpectSameBits(MakeLearner(other)->MetaGradient(model(), meta, episode, 0).grads,
                 learner->MetaGradient(model(), meta, episode, 0).grads, "meta-gradient");
}

TEST_P(ConformanceTest, LeavesItsInputAsItIsAndReturnsNoGraph) {
  const Episode episode = BuildEpisode(MakeToyTask(4, 2, 2));
  for (const bool learns : {true, false}) {
    if (!learns && !Heeds(spec(), LearnerFacts::LEARNS)) {
      continue;
    }
    const std::unique_ptr<Learner> learner =
        MakeLearner(learns ? spec() : WithSettings(spec(), "learns { part: NONE }"));
    const ParamList meta = Meta(*learner, episode);
    const ParamList before = Detached(meta);
    const AdaptedParams adapted = learner->Adapt(model(), meta, episode.support);
    const at::Tensor logits = learner->Logits(model(), adapted, episode.query);
    const TaskGradient task = learner->MetaGradient(model(), meta, episode, 0);
    ExpectSameBits(meta, before, "the input");
    EXPECT_FALSE(logits.requires_grad());
    for (const at::Tensor& tensor : Flat(adapted)) {
      EXPECT_FALSE(tensor.requires_grad());
    }
    std::vector<bool> may = MayLearn(meta.size());
    for (size_t i = 0; !learns && i < model().params().size(); ++i) {
      may[i] = false;
    }
    ASSERT_EQ(task.grads.size(), meta.size());
    bool any = false;
    for (size_t i = 0; i < meta.size(); ++i) {
      EXPECT_FALSE(meta[i].requires_grad()) << "the input got a graph";
      if (task.grads[i].defined()) {
        EXPECT_TRUE(may[i]) << "parameter " << i << " is not to be learned";
        EXPECT_EQ(task.grads[i].sizes(), meta[i].sizes());
        EXPECT_FALSE(task.grads[i].requires_grad());
        any = any || task.grads[i].abs().max().item<double>() > 0;
      }
    }
    EXPECT_EQ(any, learns ? Learns(*learner) : !learner->OwnParams(model()).empty());
  }
}

// The order of ways and, apart from random choices within a step (DependsOnOrder), of support texts has no effect. The
// logits of a query text depend neither on the other query texts nor on its label.
TEST_P(ConformanceTest, OrderAndCompanyDoNotMatter) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const ToyTask toy = MakeToyTask(5, 2, 2);
  const Episode episode = BuildEpisode(toy);
  const ParamList meta = Meta(*learner, episode);
  const AdaptedParams adapted = learner->Adapt(model(), meta, episode.support);
  const at::Tensor logits = learner->Logits(model(), adapted, episode.query);
  EXPECT_EQ(logits.sizes(), at::IntArrayRef({RowsOf(episode.query), kToyWays}));

  const std::vector<int64_t> way = {2, 0, 1};
  const Episode renumbered = BuildEpisode(toy, way);
  EXPECT_LT(MaxDifference(Logits(*learner, meta, renumbered.support, renumbered.query),
                          logits.index_select(1, OnTestDevice(Int64Tensor(way)))),
            1e-10);
  EXPECT_NEAR(learner->MetaGradient(model(), meta, renumbered, 0).query_loss,
              learner->MetaGradient(model(), meta, episode, 0).query_loss, 1e-10);

  Random random(6);
  const std::vector<int64_t> support = Shuffled(0, RowsOf(episode.support), &random);
  if (!DependsOnOrder()) {
    EXPECT_LT(MaxDifference(Logits(*learner, meta, SelectRows(episode.support, support), episode.query), logits),
              1e-10);
  }
  const std::vector<int64_t> query = Shuffled(0, RowsOf(episode.query), &random);
  EXPECT_LT(MaxDifference(learner->Logits(model(), adapted, SelectRows(episode.query, query)),
                          logits.index_select(0, OnTestDevice(Int64Tensor(query)))),
            1e-10);
  for (const int64_t one : {int64_t{0}, RowsOf(episode.query) - 1}) {
    EXPECT_LT(MaxDifference(learner->Logits(model(), adapted, SelectRows(episode.query, {one}))[0], logits[one]),
              1e-10);
  }
  Batch unlabelled = episode.query;
  unlabelled.labels = at::zeros_like(unlabelled.labels);
  EXPECT_TRUE(at::equal(learner->Logits(model(), adapted, unlabelled), logits)) << "the label gives the answer away";
}

TEST_P(ConformanceTest, SameBitsEachTimeOnSeveralThreadsAndWithoutGradMode) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = BuildEpisode(MakeToyTask(7, 2, 2));
  const ParamList meta = Meta(*learner, episode);
  const ParamList once = Flat(learner->Adapt(model(), meta, episode.support));
  const TaskGradient task = learner->MetaGradient(model(), meta, episode, 3);
  constexpr size_t kTimes = 2;
  std::vector<ParamList> others(kTimes);
  std::vector<TaskGradient> tasks(kTimes);
  TaskPool pool(2);
  pool.Run(kTimes, [&](int64_t i) {
    const at::AutoGradMode mode(i == 0);
    others[static_cast<size_t>(i)] = Flat(learner->Adapt(model(), meta, episode.support));
    tasks[static_cast<size_t>(i)] = learner->MetaGradient(model(), meta, episode, 3);
  });
  for (size_t i = 0; i < kTimes; ++i) {
    ExpectSameBits(others[i], once, "Adapt");
    ExpectSameBits(tasks[i].grads, task.grads, "MetaGradient");
    EXPECT_EQ(tasks[i].query_loss, task.query_loss);
    EXPECT_EQ(tasks[i].query_accuracy, task.query_accuracy);
    EXPECT_EQ(tasks[i].recomputed, task.recomputed);
  }
}

// No inner steps and steps of size 0 give the start. That is the plain model, unless the learner's facts except it or
// the class vectors start as prototypes.
TEST_P(ConformanceTest, NoInnerStepsAreTheStart) {
  if (!HasInnerSteps()) {
    GTEST_SKIP() << "no inner steps";
  }
  const Episode episode = BuildEpisode(MakeToyTask(9, 2, 2));
  const std::unique_ptr<Learner> none = MakeLearner(WithSettings(spec(), "inner { steps: 0 }"));
  const std::unique_ptr<Learner> still =
      MakeLearner(WithSettings(spec(), "inner { encoder_lr: 0 prompt_lr: 0 lora_lr: 0 class_lr: 0 }"));
  const ParamList meta = Meta(*none, episode);
  const at::Tensor logits = Logits(*none, meta, episode.support, episode.query);
  EXPECT_LT(MaxDifference(Logits(*still, Meta(*still, episode, false), episode.support, episode.query),
                          Logits(*none, Meta(*none, episode, false), episode.support, episode.query)),
            1e-12);
  if (!learner_facts().own_start() && GetParam().model != ToyModelKind::kPrototypes) {
    EXPECT_LT(MaxDifference(logits, model().Forward(ByName(model(), meta).model, episode.query).logits), 1e-12);
  }
  EXPECT_TRUE(std::isfinite(none->MetaGradient(model(), meta, episode, 0).query_loss));
  EXPECT_TRUE(std::isfinite(still->MetaGradient(model(), Meta(*still, episode), episode, 0).query_loss));
}

TEST_P(ConformanceTest, SmallStepsLowerTheSupportLoss) {
  if (!HasInnerSteps() || DependsOnOrder()) {
    GTEST_SKIP() << "no inner steps on that loss";
  }
  const Episode episode = BuildEpisode(MakeToyTask(13, 2, 2));
  const auto loss = [&](const std::string& settings) {
    const std::unique_ptr<Learner> learner = MakeLearner(WithSettings(spec(), settings));
    return Loss(*learner, Meta(*learner, episode, false), episode.support, episode.support);
  };
  const std::string small = "encoder_lr: 0.0078125 prompt_lr: 0.0078125 lora_lr: 0.0078125 weight_decay: 0";
  const double start = loss("inner { steps: 0 }");
  const double steps = loss(absl::StrCat("inner { steps: 30 ", small, " }"));
  EXPECT_LT(steps, start);
  const double batches = loss(absl::StrCat("inner { ", small, " } meta_test { epochs: 10 batch: 2 decay: LINEAR }"));
  EXPECT_LT(batches, start);
}

// Texts with one word per class, in a model whose head distinguishes texts, as at the start of a run
// (PromptModel::Standardised).
TEST_P(ConformanceTest, TellsClassesApart) {
  if (learner_facts().needs_sequences()) {
    GTEST_SKIP() << "a random model does not learn from its context";
  }
  const bool standardises = model().encoder().layout().transform != kNoParam || !model().encoder().layout().has_head();
  if (!standardises && (GetParam().model != ToyModelKind::kSequences || learner_facts().has_scope())) {
    GTEST_SKIP() << "soft vectors alone do not change enough of a random model whose states are not standardised";
  }
  const std::string settings =
      "inner { steps: 40 optimizer: ADAMW encoder_lr: 0.015625 prompt_lr: 0.25 lora_lr: 0.125 epsilon: 1e-8 }";
  const std::unique_ptr<Learner> learner = MakeLearner(HasInnerSteps() ? WithSettings(spec(), settings) : spec());
  constexpr int kEpisodes = 3;
  std::vector<Episode> episodes;
  std::vector<LocalBatch> texts;
  for (int e = 0; e < kEpisodes; ++e) {
    episodes.push_back(BuildEpisode(MakeToyTask(300 + static_cast<uint64_t>(e), 3, 8, 1)));
    texts.push_back({episodes.back().rows, episodes.back().support});
  }
  ParamList whole = WholeParams(model(), *learner, false);
  if (standardises) {
    const ParamList standardised = model().Standardised(ByName(model(), whole).model, texts);
    std::copy(standardised.begin(), standardised.end(), whole.begin());
  }
  double accuracy = 0;
  for (const Episode& episode : episodes) {
    const ParamList meta = LocalParams(MetaInfos(model(), *learner), whole, episode.rows);
    accuracy += Accuracy(Logits(*learner, meta, episode.support, episode.query), episode.query.labels) / kEpisodes;
  }
  EXPECT_GT(accuracy, 0.5);
}

// meta_test: its inner steps replace the others. An epoch in one batch is a step on the whole support set. A step in
// the middle of the warm-up is half as large. Mini-batches give other steps, the same each time.
TEST_P(ConformanceTest, MetaTestReplacesTheInnerSteps) {
  if (!HasInnerSteps()) {
    GTEST_SKIP() << "no inner steps";
  }
  const Episode episode = BuildEpisode(MakeToyTask(14, 2, 2));
  const auto logits = [&](const LearnerSpec& of, bool noise) {
    const std::unique_ptr<Learner> learner = MakeLearner(of);
    return Logits(*learner, Meta(*learner, episode, noise), episode.support, episode.query);
  };
  const auto with = [&](const InnerSpec& inner, const std::string& settings) {
    LearnerSpec other = WithSettings(spec(), absl::StrCat("meta_test { ", settings, " }"));
    *other.mutable_meta_test()->mutable_inner() = inner;
    return other;
  };
  InnerSpec one = spec().inner();
  one.set_steps(1);
  InnerSpec half = one;
  half.set_encoder_lr(half.encoder_lr() / 2);
  half.set_prompt_lr(half.prompt_lr() / 2);
  half.set_lora_lr(half.lora_lr() / 2);
  half.set_class_lr(half.class_lr() / 2);
  LearnerSpec in_place = spec();
  *in_place.mutable_inner() = half;
  const at::Tensor expected = logits(in_place, false);
  EXPECT_GT(MaxDifference(expected, logits(spec(), false)), 1e-6);
  EXPECT_LT(MaxDifference(expected, logits(with(half, ""), false)), 1e-12);
  EXPECT_LT(MaxDifference(expected, logits(with(one, "warmup_share: 1"), false)), 1e-12);
  EXPECT_LT(MaxDifference(expected, logits(with(one, "warmup_share: 1 epochs: 1"), false)), 1e-12);

  const at::Tensor full = logits(spec(), true);
  for (const int64_t batch : {RowsOf(episode.support), 2 * RowsOf(episode.support)}) {
    const std::string settings = absl::StrCat("meta_test { epochs: ", spec().inner().steps(), " batch: ", batch, " }");
    EXPECT_LT(MaxDifference(logits(WithSettings(spec(), settings), true), full), 1e-12) << settings;
  }
  const LearnerSpec batches =
      WithSettings(spec(), "meta_test { epochs: 1 batch: 4 }");  // of which the second has two texts
  const at::Tensor once = logits(batches, true);
  EXPECT_TRUE(at::equal(logits(batches, true), once));
  EXPECT_GT(MaxDifference(once, full), 1e-9);
}

}  // namespace
}  // namespace metaprompt

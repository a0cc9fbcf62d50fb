// Derivatives of the real model in double precision, up to the whole meta-gradient, compared with finite differences.
#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "learners/learner.h"
#include "learners/papers/maml.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/one_thread.h"
#include "tests/helpers/param_lists.h"
#include "tests/helpers/small_bert.h"

namespace metaprompt {
namespace {

// Directions for a gradient: one along each parameter, half random and half along the gradient, so that the derivative
// is not small by chance; then several along all parameters together.
std::vector<std::pair<std::string, ParamList>> Directions(const std::vector<ParamInfo>& infos,
                                                          const ParamList& gradient, Random* random) {
  std::vector<std::pair<std::string, ParamList>> directions;
  for (size_t i = 0; i < infos.size(); ++i) {
    ParamList one(infos.size());
    one[i] = Unit(Unit(RandomTensor(infos[i].shape, random)) + Unit(gradient[i]));
    directions.emplace_back(infos[i].name, one);
  }
  for (int k = 0; k < 4; ++k) {
    ParamList all;
    for (const auto& [name, one] :
         std::vector(directions.begin(), directions.begin() + static_cast<int>(infos.size()))) {
      for (const at::Tensor& part : one) {
        if (part.defined()) {
          all.push_back((Unit(RandomTensor(part.sizes(), random)) + part) * 0.1);
        }
      }
    }
    directions.emplace_back("all", all);
  }
  return directions;
}

// Compares a gradient with differences of `f`; returns the largest relative error. A parameter whose gradient is 0 must
// have differences of 0. (Without a prefix, the bias of the keys is one: it shifts all scores of a row equally.)
double CheckGradient(const std::vector<ParamInfo>& infos, const ParamList& params, const ParamList& gradient,
                     uint64_t seed, const std::function<double(const ParamList&)>& f, bool has_prefix = false) {
  Random random(seed);
  double largest = 0;
  for (const auto& [name, direction] : Directions(infos, gradient, &random)) {
    const double expected = Difference<double>(params, direction, f);
    const double found = Dot(gradient, direction);
    if (name.find("self.key.bias") != std::string::npos && !has_prefix) {
      EXPECT_NEAR(found, 0, 1e-10) << name;
      EXPECT_NEAR(expected, 0, 1e-10) << name;
      continue;
    }
    EXPECT_GT(std::abs(expected), 1e-6) << name << ": too small to be compared";
    const double error = std::abs(found - expected) / std::abs(expected);
    EXPECT_LT(error, 1e-6) << name << ": " << found << " against " << expected;
    largest = std::max(largest, error);
  }
  return largest;
}

TEST(PromptModelTest, GradientAgreesWithDifferences) {
  for (const bool deep : {false, true}) {
    const ModelSpec spec = Spec(2, 3, BertSpec::GELU);
    const PromptModel model(deep ? WithDeepPrompt(spec) : spec, kVocab, kSoft);
    const ParamList params = RandomParams(model, 31);
    const Batch batch = MakeBatch(RandomTexts(2, 32), AllRows());
    const double largest = CheckGradient(
        model.params(), params, LossGradient(model, params, batch), 33,
        [&](const ParamList& at) { return LossAt(model, at, batch); }, deep);
    RecordProperty(deep ? "largest_error_deep" : "largest_error", absl::StrCat(largest));
  }
}

TEST(PromptModelTest, HessianAgreesWithDifferencesOfTheGradient) {
  const ModelSpec spec = Spec(2, 3, BertSpec::GELU);
  const PromptModel plain(spec, kVocab, kSoft);
  const PromptModel with_deep_prompt(WithDeepPrompt(spec), kVocab, kSoft);
  const Batch batch = MakeBatch(RandomTexts(2, 42), AllRows());
  Random random(43);
  double largest = 0;
  for (int k = 0; k < 4; ++k) {
    const bool deep = k == 3;
    const PromptModel& model = deep ? with_deep_prompt : plain;
    const ParamList params = RandomParams(model, 41);
    ParamList direction;
    for (const at::Tensor& param : params) {
      direction.push_back(Unit(RandomTensor(param.sizes(), &random)));
    }
    // H v = ∇(∇L · v)
    const ParamList leaves = WithGraph(params);
    const ParamList gradient = torch::autograd::grad({model.Loss(model.Forward(leaves, batch), batch)}, leaves, {},
                                                     /*retain_graph=*/true, /*create_graph=*/true);
    at::Tensor along = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < leaves.size(); ++i) {
      along = along + (gradient[i] * direction[i]).sum();
    }
    const ParamList product = torch::autograd::grad({along}, leaves, {}, false, false, /*allow_unused=*/true);
    const ParamList differences =
        ListDifference(params, direction, [&](const ParamList& at) { return LossGradient(model, at, batch); });
    for (size_t i = 0; i < leaves.size(); ++i) {
      const std::string& name = model.params()[i].name;
      const at::Tensor& expected = differences[i];
      const at::Tensor found = product[i].defined() ? product[i] : at::zeros_like(params[i]);
      const double size = expected.norm().item<double>();
      if (name.find("self.key.bias") != std::string::npos && !deep) {
        EXPECT_LT(size, 1e-9);
        EXPECT_LT(found.norm().item<double>(), 1e-10) << name;
        continue;
      }
      ASSERT_GT(size, 1e-5) << name;
      const double error = (found - expected).norm().item<double>() / size;
      EXPECT_LT(error, 1e-6) << name;
      largest = std::max(largest, error);
    }
  }
  RecordProperty("largest_error", absl::StrCat(largest));
}

// The whole meta-gradient: through two inner steps, the prompt in the middle of the encoder, and the query loss.
TEST(PromptModelTest, MamlMetaGradientAgreesWithDifferences) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 51);
  Episode episode;
  episode.support = MakeBatch(RandomTexts(1, 52), AllRows());
  episode.query = MakeBatch(RandomTexts(2, 53), AllRows());
  for (const bool multi_step : {false, true}) {
    LearnerSpec spec;
    spec.mutable_maml()->set_order(MamlSpec::SECOND);
    spec.mutable_inner()->set_steps(2);
    spec.mutable_inner()->set_encoder_lr(0.05);
    spec.mutable_inner()->set_prompt_lr(0.2);
    std::vector<double> weights = {0, 1};
    if (multi_step) {
      spec.mutable_maml()->mutable_multi_step()->set_epochs(10);
      spec.mutable_maml()->mutable_multi_step()->set_meta_steps_per_epoch(1);
      weights = {0.5 - 2 / 20.0, 0.5 + 2 / 20.0};
    }
    // Σ_k w_k L(θ_k; Q), with inner steps that the test computes itself.
    const auto objective = [&](const ParamList& meta) {
      ParamList theta = meta;
      double sum = 0;
      for (const double weight : weights) {
        const ParamList gradient = LossGradient(model, theta, episode.support);
        for (size_t i = 0; i < theta.size(); ++i) {
          theta[i] = theta[i] - gradient[i] * (model.params()[i].group == ParamGroup::kPrompt ? 0.2 : 0.05);
        }
        sum += weight == 0 ? 0.0 : weight * LossAt(model, theta, episode.query);
      }
      return sum;
    };
    const TaskGradient task = Maml(spec).MetaGradient(model, params, episode, /*meta_step=*/2);
    const double largest = CheckGradient(model.params(), params, task.grads, 54, objective);
    RecordProperty(multi_step ? "largest_error_multi_step" : "largest_error", absl::StrCat(largest));
    // The second-order part is most of the gradient, so the test would fail without it.
    spec.mutable_maml()->set_order(MamlSpec::FIRST);
    const TaskGradient first = Maml(spec).MetaGradient(model, params, episode, 2);
    const double cosine =
        Dot(first.grads, task.grads) / std::sqrt(Dot(first.grads, first.grads) * Dot(task.grads, task.grads));
    EXPECT_LT(cosine, 0.999);
  }
}

// ---------------------------------------------------------------- the task's own class head

// MAML with a class head, with inner steps that the test computes itself.
struct HeadedMaml {
  double encoder_lr = 0;
  double prompt_lr = 0.2;
  double class_lr = 0.6;
  int steps = 2;
  bool multi_step = false;
  ScopeSpec::Part adapts = ScopeSpec::ALL;
  ScopeSpec::Part learns = ScopeSpec::ALL;

  MetaGradientSpec::Way way = MetaGradientSpec::KEEP_GRAPH;

  static constexpr int kMetaStep = 2;

  LearnerSpec Spec(MamlSpec::Order order) const {
    LearnerSpec spec;
    spec.mutable_maml()->set_order(order);
    spec.mutable_inner()->set_steps(steps);
    spec.mutable_inner()->set_encoder_lr(encoder_lr);
    spec.mutable_inner()->set_prompt_lr(prompt_lr);
    spec.mutable_inner()->set_class_lr(class_lr);
    spec.mutable_adapts()->set_part(adapts);
    spec.mutable_learns()->set_part(learns);
    spec.mutable_meta_gradient()->set_way(way);
    if (multi_step) {
      spec.mutable_maml()->mutable_multi_step()->set_epochs(10);
      spec.mutable_maml()->mutable_multi_step()->set_meta_steps_per_epoch(1);
    }
    return spec;
  }
  double Weight(int step) const {  // `step` counts from 1
    const double early = multi_step ? (1 - kMetaStep / 10.0) / steps : 0;
    return step < steps ? early : 1 - early * (steps - 1);
  }
  double Rate(const ParamInfo& info) const {
    const bool prompt = info.group == ParamGroup::kPrompt;
    return adapts != ScopeSpec::ALL && (adapts == ScopeSpec::PROMPT) != prompt ? 0 : prompt ? prompt_lr : encoder_lr;
  }
};

// The means of the answer words' vectors and biases, computed class by class.
ParamList PlainHead(const std::vector<ParamInfo>& infos, const ParamList& params, const Answers& answers) {
  at::Tensor words;
  at::Tensor biases;
  for (size_t i = 0; i < infos.size(); ++i) {
    if (infos[i].vocab_rows) {
      (infos[i].shape.size() == 2 ? words : biases) = params[i];
    }
  }
  std::vector<at::Tensor> vectors;
  std::vector<at::Tensor> numbers;
  for (int64_t w = 0; w < answers.ids.size(0); ++w) {
    at::Tensor vector = at::zeros({words.size(1)}, at::kDouble);
    at::Tensor number = at::zeros({}, at::kDouble);
    for (int64_t k = 0; k < answers.ids.size(1); ++k) {
      const int64_t id = answers.ids[w][k].item<int64_t>();
      const double weight = answers.weights[w][k].item<double>();
      vector = vector + words[id] * weight;
      number = number + biases[id] * weight;
    }
    vectors.push_back(vector);
    numbers.push_back(number);
  }
  return {at::stack(vectors), at::stack(numbers)};
}

ParamList WithHead(const PromptModel& model, const ParamList& params, const Answers& answers) {
  ParamList all = params;
  for (const at::Tensor& part : PlainHead(model.params(), params, answers)) {
    all.push_back(part);
  }
  return all;
}

// What the inner steps have subtracted from the parameters and the class head after them: after step 1, 2, ...
std::vector<ParamList> Offsets(const PromptModel& model, const HeadedMaml& maml, const ParamList& params,
                               const Batch& support) {
  const ParamList start = WithHead(model, params, TextsOf(support).answers());
  ParamList theta = start;
  std::vector<ParamList> offsets;
  for (int k = 0; k < maml.steps; ++k) {
    const ParamList leaves = WithGraph(theta);
    const ParamList gradient =
        torch::autograd::grad({model.Loss(model.Forward(SplitHead(model, leaves), support), support)}, leaves, {},
                              false, false, /*allow_unused=*/true);
    ParamList offset;
    for (size_t i = 0; i < theta.size(); ++i) {
      const double rate = i < params.size() ? maml.Rate(model.params()[i]) : maml.class_lr;
      theta[i] = gradient[i].defined() ? theta[i] - gradient[i] * rate : theta[i];
      offset.push_back(start[i] - theta[i]);
    }
    offsets.push_back(offset);
  }
  return offsets;
}

// Σ_k w_k L(θ_0 − offset_k; Q), where the class head's θ_0 is a function of the word vectors.
double LossBehind(const PromptModel& model, const HeadedMaml& maml, const ParamList& params,
                  const std::vector<ParamList>& offsets, const Batch& query) {
  double sum = 0;
  for (int k = 1; k <= maml.steps; ++k) {
    ParamList theta = WithHead(model, params, TextsOf(query).answers());
    for (size_t i = 0; i < theta.size(); ++i) {
      theta[i] = theta[i] - offsets[static_cast<size_t>(k - 1)][i];
    }
    sum += maml.Weight(k) == 0 ? 0 : maml.Weight(k) * LossAt(model, theta, query);
  }
  return sum;
}

Episode RandomEpisode() {
  Episode episode;
  episode.support = MakeBatch(RandomTexts(1, 52), AllRows());
  episode.query = MakeBatch(RandomTexts(2, 53), AllRows());
  return episode;
}

TEST(ClassHeadTest, ItIsTheMeanOfTheAnswerWordsAndUnadaptedChangesNothing) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 81);
  const Batch batch = MakeBatch(RandomTexts(2, 82), AllRows());
  const ParamList head = model.ClassHead(params, batch);
  const ParamList expected = PlainHead(model.params(), params, TextsOf(batch).answers());
  ASSERT_EQ(head.size(), 2);
  for (size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(head[i].sizes(), expected[i].sizes());
    EXPECT_LT(MaxDifference(head[i], expected[i]), 1e-15);
  }
  ModelParams both = {params, head};
  EXPECT_TRUE(at::equal(model.Forward(both, batch).logits, model.Forward(params, batch).logits));
  // With its own head, the task does not use the vocabulary: logit w comes from the head.
  both.head[1] = head[1] + Ids({1, 2, 3}).to(at::kDouble);
  EXPECT_LT(MaxDifference(model.Forward(both, batch).logits - model.Forward(params, batch).logits,
                          Ids({1, 2, 3}).to(at::kDouble).unsqueeze(0)),
            1e-12);
  both.head.pop_back();
  EXPECT_THROW(model.Forward(both, batch), c10::Error);
  // Learners start with a class head if it has a step size, and otherwise without one.
  for (const int steps : {0, 2}) {
    HeadedMaml maml;
    maml.steps = steps;
    const ModelParams adapted = Maml(maml.Spec(MamlSpec::SECOND)).Adapt(model, params, batch).model;
    ASSERT_EQ(adapted.head.size(), 2);
    EXPECT_EQ(at::equal(adapted.head[0], head[0]), steps == 0);
    EXPECT_EQ(at::equal(model.Forward(adapted, batch).logits, model.Forward(params, batch).logits), steps == 0);
    maml.class_lr = 0;
    EXPECT_TRUE(Maml(maml.Spec(MamlSpec::SECOND)).Adapt(model, params, batch).model.head.empty());
  }
}

TEST(ClassHeadTest, MetaGradientAgreesWithDifferences) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 51);
  const Episode episode = RandomEpisode();
  double largest = 0;
  for (const double encoder_lr : {0.0, 0.05}) {
    for (const bool multi_step : {false, true}) {
      HeadedMaml maml;
      maml.encoder_lr = encoder_lr;
      maml.multi_step = multi_step;
      SCOPED_TRACE(absl::StrCat("encoder_lr=", encoder_lr, " multi_step=", multi_step));
      const TaskGradient task = Maml(maml.Spec(MamlSpec::SECOND)).MetaGradient(model, params, episode, 2);
      maml.way = MetaGradientSpec::RECOMPUTE;
      const TaskGradient recomputed = Maml(maml.Spec(MamlSpec::SECOND)).MetaGradient(model, params, episode, 2);
      EXPECT_TRUE(recomputed.recomputed && !task.recomputed);
      for (size_t i = 0; i < task.grads.size(); ++i) {
        EXPECT_LT(MaxDifference(task.grads[i], recomputed.grads[i]), 1e-12) << model.params()[i].name;
      }
      ASSERT_EQ(task.grads.size(), params.size());
      const auto objective = [&](const ParamList& meta) {
        return LossBehind(model, maml, meta, Offsets(model, maml, meta, episode.support), episode.query);
      };
      largest = std::max(largest, CheckGradient(model.params(), params, task.grads, 54, objective));
      const ParamList adapted = Flat(Maml(maml.Spec(MamlSpec::SECOND)).Adapt(model, params, episode.support));
      EXPECT_NEAR(task.query_loss, LossAt(model, adapted, episode.query), 1e-12);
    }
  }
  std::cout << "largest relative error " << largest << std::endl;
  RecordProperty("largest_error", absl::StrCat(largest));
}

// First order: what the inner steps subtract counts as constant, but the class head starts as a function of the word
// vectors, and the gradient includes that path.
TEST(ClassHeadTest, FirstOrderHoldsTheInnerGradientsConstant) {
  const PromptModel model(Spec(2, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 51);
  const Episode episode = RandomEpisode();
  double largest = 0;
  for (const double encoder_lr : {0.0, 0.05}) {
    for (const bool multi_step : {false, true}) {
      HeadedMaml maml;
      maml.encoder_lr = encoder_lr;
      maml.multi_step = multi_step;
      SCOPED_TRACE(absl::StrCat("encoder_lr=", encoder_lr, " multi_step=", multi_step));
      const TaskGradient task = Maml(maml.Spec(MamlSpec::FIRST)).MetaGradient(model, params, episode, 2);
      const std::vector<ParamList> offsets = Offsets(model, maml, params, episode.support);
      largest = std::max(largest, CheckGradient(model.params(), params, task.grads, 55, [&](const ParamList& meta) {
                           return LossBehind(model, maml, meta, offsets, episode.query);
                         }));
      // Only through that path does the decoder's bias have a gradient, and only at the answer words.
      for (size_t i = 0; i < params.size(); ++i) {
        if (model.params()[i].name == "cls.predictions.bias") {
          EXPECT_GT(task.grads[i].abs().max().item<double>(), 1e-3);
          EXPECT_LE(at::count_nonzero(task.grads[i]).item<int64_t>(), 6);
        }
      }
      const TaskGradient second = Maml(maml.Spec(MamlSpec::SECOND)).MetaGradient(model, params, episode, 2);
      EXPECT_LT(
          Dot(task.grads, second.grads) / std::sqrt(Dot(task.grads, task.grads) * Dot(second.grads, second.grads)),
          0.9999);
    }
  }
  std::cout << "largest relative error " << largest << std::endl;
  RecordProperty("largest_error", absl::StrCat(largest));
}

TEST(ClassHeadTest, AnyScopesOfAdaptingAndLearning) {
  const PromptModel model(Spec(1, 2, BertSpec::GELU), kVocab, kSoft);
  const ParamList params = RandomParams(model, 56);
  const Episode episode = RandomEpisode();
  for (const MamlSpec::Order order : {MamlSpec::SECOND, MamlSpec::FIRST}) {
    for (const ScopeSpec::Part adapts : {ScopeSpec::ALL, ScopeSpec::PROMPT, ScopeSpec::ENCODER}) {
      for (const ScopeSpec::Part learns : {ScopeSpec::ALL, ScopeSpec::PROMPT, ScopeSpec::ENCODER}) {
        HeadedMaml maml;
        maml.encoder_lr = 0.05;
        maml.multi_step = true;
        maml.adapts = adapts;
        maml.learns = learns;
        const std::string what = absl::StrCat(MamlSpec::Order_Name(order), " adapts=", ScopeSpec::Part_Name(adapts),
                                              " learns=", ScopeSpec::Part_Name(learns));
        TaskGradient task;
        ASSERT_NO_THROW(task = Maml(maml.Spec(order)).MetaGradient(model, params, episode, 2)) << what;
        const std::vector<ParamList> offsets = Offsets(model, maml, params, episode.support);
        ParamList direction(params.size());
        Random random(57);
        for (size_t i = 0; i < params.size(); ++i) {
          const bool prompt = model.params()[i].group == ParamGroup::kPrompt;
          const bool learned = learns == ScopeSpec::ALL || (learns == ScopeSpec::PROMPT) == prompt;
          ASSERT_EQ(task.grads[i].defined(), learned) << what << ", " << model.params()[i].name;
          if (learned) {
            direction[i] = Unit(Unit(RandomTensor(params[i].sizes(), &random)) + Unit(task.grads[i]));
          }
        }
        const double expected = Difference<double>(params, direction, [&](const ParamList& meta) {
          return LossBehind(model, maml, meta,
                            order == MamlSpec::FIRST ? offsets : Offsets(model, maml, meta, episode.support),
                            episode.query);
        });
        EXPECT_GT(std::abs(expected), 1e-4) << what;
        EXPECT_LT(std::abs(Dot(task.grads, direction) - expected), 1e-6 * std::abs(expected)) << what;
      }
    }
  }
}

}  // namespace
}  // namespace metaprompt

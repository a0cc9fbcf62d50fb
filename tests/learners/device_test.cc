// What each learner computes in float32 and in bfloat16 on the device of the tests (--device), compared with double
// precision on the CPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <variant>

#include "learners/learner.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/test_device.h"
#include "tests/helpers/toy_tasks.h"
#include "tests/learners/conformance.h"

namespace metaprompt {
namespace {

INSTANTIATE_TEST_SUITE_P(Learners, ConformanceTest, ::testing::ValuesIn(AllConformanceCases()),
                         [](const ::testing::TestParamInfo<ConformanceCase>& info) { return info.param.name; });

struct Results {
  at::Tensor logits;
  ParamList grads;
  double query_loss = 0;
};

ParamList InType(const ParamList& params, at::Device device, at::ScalarType type) {
  ParamList moved;
  for (const at::Tensor& param : params) {
    moved.push_back(param.defined() ? param.to(device, type) : param);
  }
  return moved;
}

Batch InType(Batch batch, at::Device device, at::ScalarType type) {
  if (const auto* images = std::get_if<ImageInputs>(&batch.inputs)) {
    batch.inputs = ImageInputs(images->pixels().to(device, type), images->soft(), images->patches());
  } else {
    const TextInputs& texts = TextsOf(batch);
    Answers answers = texts.answers();
    for (at::Tensor* tensor : {&answers.ids, &answers.weights, &answers.separator, &answers.context}) {
      *tensor =
          !tensor->defined() ? *tensor : tensor->to(device, tensor->is_floating_point() ? type : tensor->scalar_type());
    }
    batch.inputs = TextInputs(texts.ids().to(device), texts.spans(), texts.read_at(), answers, texts.uncounted());
  }
  batch.labels = batch.labels.to(device);
  return batch;
}

Episode InType(const Episode& episode, at::Device device, at::ScalarType type) {
  return {episode.rows.to(device), InType(episode.support, device, type), InType(episode.query, device, type)};
}

// |a - b| / |b|, over all tensors.
double Distance(const ParamList& a, const ParamList& b) {
  double difference = 0;
  double size = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    if (b[i].defined()) {
      difference += (a[i] - b[i]).square().sum().item<double>();
      size += b[i].square().sum().item<double>();
    }
  }
  return std::sqrt(difference / (size + 1e-12));
}

TEST_P(ConformanceTest, NarrowTypesGiveNearlyTheSame) {
  const std::unique_ptr<Learner> learner = MakeLearner(spec());
  const Episode episode = BuildEpisode(MakeToyTask(31, 2, 2));
  const ParamList meta = InType(Meta(*learner, episode), at::kCPU, at::kDouble);
  const auto results = [&](at::Device device, at::ScalarType type, bool bfloat16) {
    PromptModel copy = model();
    copy.set_bfloat16(bfloat16);
    const Episode there = InType(episode, device, type);
    const ParamList params = InType(meta, device, type);
    const TaskGradient task = learner->MetaGradient(copy, params, there, 0);
    const at::Tensor logits = learner->Logits(copy, learner->Adapt(copy, params, there.support), there.query);
    return Results{logits.to(at::kCPU, at::kDouble), InType(task.grads, at::kCPU, at::kDouble), task.query_loss};
  };
  const Results exact = results(at::kCPU, at::kDouble, false);
  const auto expect_near = [&](const Results& found, double tolerance, const char* type) {
    EXPECT_NEAR(found.query_loss, exact.query_loss, tolerance * std::max(1.0, exact.query_loss)) << type;
    EXPECT_LT(Distance({found.logits}, {exact.logits}), tolerance) << type;
    EXPECT_LT(Distance(found.grads, exact.grads), tolerance) << type;
  };
  expect_near(results(TestDevice(), at::kFloat, false), 1e-3, "float32");
  // iMAML solves a linear system with products that are rounded to bfloat16.
  expect_near(results(TestDevice(), at::kFloat, true), spec().has_imaml() ? 0.7 : 0.3, "bfloat16");
}

}  // namespace
}  // namespace metaprompt

// Quadratic losses in double precision, for which adaptation and each meta-gradient are a few matrix products.
#ifndef TESTS_HELPERS_QUADRATIC_WORLD_H_
#define TESTS_HELPERS_QUADRATIC_WORLD_H_

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "learners/learner.pb.h"
#include "metaprompt/base/random.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/model.h"
#include "metaprompt/model/params.h"
#include "tests/helpers/differences.h"

namespace metaprompt {

constexpr double kTolerance = 1e-8;
constexpr int64_t kEncoderSize = 3;
constexpr int64_t kPromptSize = 2;
constexpr int64_t kSize = kEncoderSize + kPromptSize;

// L(θ) = ½ (θ − c)ᵀ A (θ − c).
struct Quadratic {
  at::Tensor a;
  at::Tensor c;
};

inline Quadratic RandomQuadratic(Random* random) {
  const at::Tensor root = RandomTensor({kSize, kSize}, random);
  return {root.matmul(root.t()) / kSize + 0.5 * at::eye(kSize, at::kDouble), RandomTensor({kSize}, random)};
}

inline at::Tensor Gradient(const Quadratic& q, const at::Tensor& theta) { return q.a.matmul(theta - q.c); }

inline double Value(const Quadratic& q, const at::Tensor& theta) {
  return 0.5 * (theta - q.c).dot(Gradient(q, theta)).item<double>();
}

inline Batch BatchOf(int64_t which) {
  Batch batch;
  batch.inputs = PointInputs{at::full({1}, which, at::kLong)};
  return batch;
}

// A model without texts. The only point of a batch is the index of the quadratic that is its loss.
class QuadraticModel : public Model {
 public:
  explicit QuadraticModel(std::vector<Quadratic> quadratics) : quadratics_(std::move(quadratics)) {}

  const std::vector<ParamInfo>& params() const override { return params_; }
  ModelOutput Forward(const ModelParams& params, const Batch& /*batch*/) const override {
    return {at::cat(params.params).unsqueeze(0), {}, {}};
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

// A task: its support loss is quadratic 0, its query loss is quadratic 1.
struct QuadraticWorld {
  Random random{SubSeed(1, "learners_test")};
  Quadratic support = RandomQuadratic(&random);
  Quadratic query = RandomQuadratic(&random);
  at::Tensor theta = RandomTensor({kSize}, &random);
  QuadraticModel model{{support, query}};
  Episode episode;

  QuadraticWorld() {
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

// Whether the scope contains parameter i: 0 is the encoder, 1 the prompt.
inline bool Covers(ScopeSpec::Part part, size_t i) {
  return part == ScopeSpec::ALL || (part == ScopeSpec::PROMPT) == (i == 1);
}

inline LearnerSpec QuadraticSpec(int steps, ScopeSpec::Part adapts = ScopeSpec::ALL,
                                 ScopeSpec::Part learns = ScopeSpec::ALL,
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

// diag(α), which is 0 outside the scope.
inline at::Tensor Rates(ScopeSpec::Part adapts, double encoder_lr = kEncoderLr, double prompt_lr = kPromptLr) {
  const at::Tensor rates = at::zeros({kSize}, at::kDouble);
  rates.narrow(0, 0, kEncoderSize).fill_(Covers(adapts, 0) ? encoder_lr : 0.0);
  rates.narrow(0, kEncoderSize, kPromptSize).fill_(Covers(adapts, 1) ? prompt_lr : 0.0);
  return at::diag(rates);
}

// M = I − D A, by which one inner step multiplies θ − c.
inline at::Tensor StepMap(const at::Tensor& rates, const Quadratic& q) {
  return at::eye(kSize, at::kDouble) - rates.matmul(q.a);
}

inline at::Tensor Power(const at::Tensor& m, int k) {
  at::Tensor power = at::eye(kSize, at::kDouble);
  for (int i = 0; i < k; ++i) {
    power = power.matmul(m);
  }
  return power;
}

// Expects that gradients in the scope equal `expected`, and that the others are undefined.
inline void ExpectGradient(const ParamList& grads, const at::Tensor& expected, ScopeSpec::Part learns,
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

}  // namespace metaprompt

#endif  // TESTS_HELPERS_QUADRATIC_WORLD_H_

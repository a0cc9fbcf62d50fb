#include "learners/papers/r2d2.h"

#include <ATen/ATen.h>

#include <cmath>

#include "learners/inner/class_means.h"

namespace metaprompt {
namespace {

// Indices of the learner's own parameters.
enum Own { kLogLambda, kLogScale, kOffset };

}  // namespace

std::vector<ParamInfo> R2d2::OwnParams(const Model& /*model*/) const {
  return {ParamInfo{"r2d2.log_lambda", {1}, ParamGroup::kLearner},
          ParamInfo{"r2d2.log_scale", {1}, ParamGroup::kLearner}, ParamInfo{"r2d2.offset", {1}, ParamGroup::kLearner}};
}

ParamList R2d2::InitOwn(const Model& /*model*/, uint64_t /*seed*/) const {
  return {at::full({1}, std::log(spec().r2d2().lambda()), at::kFloat),
          at::full({1}, std::log(spec().r2d2().scale()), at::kFloat), at::zeros({1}, at::kFloat)};
}

ParamList R2d2::Fit(const MetaParams& meta, const at::Tensor& features, const Batch& support) const {
  const at::Tensor lambda = meta.own[kLogLambda].exp();
  const at::Tensor labels = at::one_hot(support.labels, WaysOf(support)).to(features.scalar_type());
  const at::Tensor gram = at::matmul(features, features.t()) + lambda * at::eye(features.size(0), features.options());
  // The matrix is positive definite, so its Cholesky factor solves the system. Differentiable any number of times.
  return {at::matmul(features.t(), at::cholesky_solve(labels, at::linalg_cholesky(gram)))};
}

at::Tensor R2d2::Predict(const MetaParams& meta, const at::Tensor& features, const ParamList& fitted) const {
  return at::matmul(features, fitted[0]) * meta.own[kLogScale].exp() + meta.own[kOffset];
}

}  // namespace metaprompt

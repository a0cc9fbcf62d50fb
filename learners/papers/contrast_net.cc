#include "learners/papers/contrast_net.h"

#include <ATen/ATen.h>

#include <limits>

#include "learners/bases/distance_logits.h"
#include "learners/inner/class_means.h"

namespace metaprompt {

at::Tensor SupervisedContrastiveLoss(const at::Tensor& features, const at::Tensor& labels, double temperature) {
  const int64_t n = features.size(0);
  const at::Tensor itself = at::eye(n, labels.options()).to(at::kBool);
  const at::Tensor similarity = DistanceLogits(features, features, COSINE_DISTANCE, temperature)
                                    .masked_fill(itself, -std::numeric_limits<double>::infinity());
  const at::Tensor log_share = at::log_softmax(similarity, -1).masked_fill(itself, 0.0);
  const at::Tensor same =
      labels.unsqueeze(0).eq(labels.unsqueeze(1)).logical_and(itself.logical_not()).to(features.scalar_type());
  const at::Tensor others = same.sum(-1);
  const at::Tensor of_each = (log_share * same).sum(-1) / others.clamp_min(1.0);
  return of_each.sum() * (-1.0 / static_cast<double>(n));
}

ParamList ContrastNet::Fit(const MetaParams& /*meta*/, const at::Tensor& features, const Batch& support) const {
  return {features, at::one_hot(support.labels, WaysOf(support)).to(features.scalar_type())};
}

at::Tensor ContrastNet::Predict(const MetaParams& /*meta*/, const at::Tensor& features, const ParamList& fitted) const {
  // [query rows, support rows, ways]: a support text counts only for its own class.
  const at::Tensor logits =
      DistanceLogits(features, fitted[0], COSINE_DISTANCE, spec().contrast_net().temperature()).unsqueeze(-1);
  const at::Tensor elsewhere = fitted[1].eq(0).unsqueeze(0);
  return std::get<0>(logits.masked_fill(elsewhere, -std::numeric_limits<double>::infinity()).max(1));
}

at::Tensor ContrastNet::TrainingLoss(const MetaParams& /*meta*/, const at::Tensor& support, const at::Tensor& query,
                                     const at::Tensor& /*query_logits*/, const Episode& episode) const {
  return SupervisedContrastiveLoss(at::cat({support, query}), at::cat({episode.support.labels, episode.query.labels}),
                                   spec().contrast_net().temperature());
}

}  // namespace metaprompt

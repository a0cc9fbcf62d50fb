#include "learners/papers/proto_net.h"

#include <ATen/ATen.h>

#include "learners/bases/class_means.h"

namespace metaprompt {

at::Tensor DistanceLogits(const at::Tensor& x, const at::Tensor& c, Distance distance, double temperature) {
  if (distance == COSINE_DISTANCE) {
    const auto unit = [](const at::Tensor& v) { return v * at::rsqrt(v.square().sum(-1, true) + 1e-12); };
    return at::matmul(unit(x), unit(c).t()) * (1 / temperature);
  }
  // −|x|² + 2 x·c − |c|²: two products of small matrices in place of a [B, ways, D] difference.
  const at::Tensor square = x.square().sum(-1, true) + c.square().sum(-1).unsqueeze(0);
  return (at::matmul(x, c.t()) * 2 - square) * (1 / temperature);
}

ParamList ProtoNet::Fit(const ParamList& /*meta*/, const at::Tensor& features, const Batch& support) const {
  return {ClassMeans(features, support)};
}

at::Tensor ProtoNet::Predict(const ParamList& /*meta*/, const at::Tensor& features, const ParamList& fitted) const {
  const ProtoNetSpec& proto = spec().proto_net();
  return DistanceLogits(features, fitted[0], proto.distance(), proto.temperature());
}

}  // namespace metaprompt

#include "learners/papers/proto_net.h"

#include <ATen/ATen.h>

#include "learners/bases/distance_logits.h"
#include "learners/inner/class_means.h"

namespace metaprompt {

ParamList ProtoNet::Fit(const MetaParams& /*meta*/, const at::Tensor& features, const Batch& support) const {
  return {ClassMeans(features, support)};
}

at::Tensor ProtoNet::Predict(const MetaParams& /*meta*/, const at::Tensor& features, const ParamList& fitted) const {
  const ProtoNetSpec& proto = spec().proto_net();
  return DistanceLogits(features, fitted[0], proto.distance(), proto.temperature());
}

}  // namespace metaprompt

#include "learners/proto_maml.h"

#include <ATen/ATen.h>

#include "learners/class_means.h"

namespace metaprompt {

TaskStart ProtoMaml::Start(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                           bool /*learned_rates*/) const {
  InnerSpec without_head = inner;
  without_head.set_class_lr(0);
  TaskStart start = PlainStart(model, meta, support, without_head, adapts());
  // As a function of the initialisation: the meta-gradient goes through the prototypes too.
  const at::Tensor means = ClassMeans(model.Forward(start.params, support).read, support);
  const double per = 1.0 / spec().proto_maml().temperature();
  for (const at::Tensor& tensor : {means * (2 * per), means.square().sum(-1) * -per}) {
    start.params.push_back(tensor);
    start.rates.push_back(InnerRate{inner.class_lr(), {}});
  }
  return start;
}

}  // namespace metaprompt

#include "learners/papers/proto_maml.h"

namespace metaprompt {

TaskStart ProtoMaml::Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                           bool /*learned_rates*/) const {
  InnerSpec without_head = inner;
  without_head.set_class_lr(0);
  TaskStart start = PlainStart(model, meta, support, without_head, adapts());
  start.params.head.clear();
  start.rates.resize(start.params.size());
  // The prototypes are functions of the initialisation, so the meta-gradient flows through them too.
  start.temperature = spec().proto_maml().temperature();
  start.rates.insert(start.rates.end(), 2, InnerRate{inner.class_lr(), {}});  // for vectors and biases
  return start;
}

}  // namespace metaprompt

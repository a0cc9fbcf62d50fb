#include "learners/papers/proto_maml.h"

namespace metaprompt {

TaskStart ProtoMaml::Start(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                           bool /*learned_rates*/) const {
  InnerSpec without_head = inner;
  without_head.set_class_lr(0);
  TaskStart start = PlainStart(model, meta, support, without_head, adapts());
  start.params.resize(model.params().size());
  start.rates.resize(start.params.size());
  // The prototypes are functions of the initialisation: the meta-gradient goes through them too.
  start.temperature = spec().proto_maml().temperature();
  start.rates.resize(start.params.size() + 2, InnerRate{inner.class_lr(), {}});
  return start;
}

}  // namespace metaprompt

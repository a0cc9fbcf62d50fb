#include "learners/papers/cavia.h"

#include <ATen/ATen.h>

namespace metaprompt {

TaskStart Cavia::Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                       bool /*learned_rates*/) const {
  MetaParams zeroed = meta;  // φ_0 = 0, also where PlainStart computes class vectors
  for (size_t i = 0; i < model.params().size(); ++i) {
    if (model.params()[i].group == ParamGroup::kPrompt && !model.params()[i].prompt_map) {
      zeroed.model[i] = at::zeros_like(meta.model[i]);
    }
  }
  return PlainStart(model, zeroed, support, inner, adapts());
}

}  // namespace metaprompt

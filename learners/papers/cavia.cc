#include "learners/papers/cavia.h"

#include <ATen/ATen.h>

namespace metaprompt {

ScopeSpec Cavia::adapts() const {
  ScopeSpec prompt;
  prompt.set_part(ScopeSpec::VECTORS);
  return prompt;
}

TaskStart Cavia::Start(const Model& model, const ParamList& meta, const Batch& support, const InnerSpec& inner,
                       bool /*learned_rates*/) const {
  ParamList zeroed = meta;  // φ_0 = 0, in the class vectors' start too
  for (size_t i = 0; i < model.params().size(); ++i) {
    if (model.params()[i].group == ParamGroup::kPrompt && !model.params()[i].prompt_map) {
      zeroed[i] = at::zeros_like(meta[i]);
    }
  }
  return PlainStart(model, zeroed, support, inner, adapts());
}

}  // namespace metaprompt

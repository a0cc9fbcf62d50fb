#include "learners/papers/anil.h"

namespace metaprompt {
namespace {

ScopeSpec ClassifierOf(const Model& model) {
  ScopeSpec scope;
  scope.set_part(model.head_width() > 0 ? ScopeSpec::NONE : ScopeSpec::LAST_LAYERS);
  scope.set_layers(0);
  return scope;
}

}  // namespace

bool Anil::TakesSeveralTasks(const Model& model) const { return MovesPerTaskEverywhere(model, ClassifierOf(model)); }

TaskStart Anil::Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                      bool /*learned_rates*/) const {
  return PlainStart(model, meta, support, inner, ClassifierOf(model));
}

}  // namespace metaprompt

#include "learners/bases/gradient_learner.h"

#include "learners/inner/descent.h"
#include "learners/inner/gradients.h"
#include "learners/inner/scope.h"
#include "learners/learner_facts.h"

namespace metaprompt {

const ScopeSpec& GradientLearner::adapts() const { return AdaptedScope(spec_); }

std::vector<bool> GradientLearner::Learned(const Model& model, const ParamList& meta) const {
  std::vector<bool> learned = InScope(model.params(), spec_.learns());
  learned.resize(meta.size(), true);
  return learned;
}

bool GradientLearner::MovesPerTaskEverywhere(const Model& model, const ScopeSpec& scope) const {
  const auto may = [&](const InnerSpec& inner) {
    return MovesPerTask(model, inner, scope) && inner.batch() == 0 && inner.clip_norm() == 0;
  };
  return !model.drops() && may(spec_.inner()) && (!spec_.meta_test().has_inner() || may(spec_.meta_test().inner()));
}

AdaptedParams GradientLearner::Adapt(const Model& model, const ParamList& meta, const Batch& support) const {
  const MetaTestSpec* test = spec_.has_meta_test() ? &spec_.meta_test() : nullptr;
  const bool other = test != nullptr && test->has_inner();
  const InnerSpec& inner = other ? test->inner() : spec_.inner();
  TaskStart start = Start(model, ByName(model, WithoutGraph(meta)), support, inner, !other);
  OneForEachTask(model, support.tasks, &start);
  return {Descend(model, start, support, inner, test), {}, {}};
}

double GradientLearner::AdaptBytes(const Model& model, const Batch& support) const {
  return DescentBytes(model, support, static_cast<double>(CountOf(support.inputs)), spec_.meta_test());
}

TaskGradient GradientLearner::MetaGradient(const Model& model, const ParamList& meta, const Episode& episode,
                                           int64_t meta_step) const {
  const auto start = [&](const MetaParams& leaves, const Batch& support) {
    return Start(model, leaves, support, spec_.inner(), /*learned_rates=*/true);
  };
  return UnrolledGradient(model, meta, Learned(model, meta), episode, start, spec_.inner(), UnrollingAt(meta_step));
}

}  // namespace metaprompt

#include "learners/papers/meta_sgd.h"

#include <ATen/ATen.h>

#include "absl/strings/str_cat.h"
#include "learners/inner/scope.h"

namespace metaprompt {

std::vector<ParamInfo> MetaSgd::OwnParams(const Model& model) const {
  std::vector<ParamInfo> own;
  for (const size_t i : MovedPlaces(model, spec().inner(), adapts())) {
    ParamInfo info = model.params()[i];
    info.name = absl::StrCat("step_size.", info.name);
    info.group = ParamGroup::kLearner;
    info.decay = false;
    own.push_back(std::move(info));
  }
  if (spec().inner().class_lr() > 0 && model.head_width() > 0) {
    own.push_back(ParamInfo{"step_size.class_vectors", {model.head_width()}, ParamGroup::kLearner});
    own.push_back(ParamInfo{"step_size.class_biases", {1}, ParamGroup::kLearner});
  }
  return own;
}

ParamList MetaSgd::InitOwn(const Model& model, uint64_t /*seed*/) const {
  ParamList own;
  for (const size_t i : MovedPlaces(model, spec().inner(), adapts())) {
    const ParamInfo& info = model.params()[i];
    own.push_back(at::full(info.shape, ConstantRate(spec().inner(), info.group), at::kFloat));
  }
  if (spec().inner().class_lr() > 0 && model.head_width() > 0) {
    own.push_back(at::full({model.head_width()}, spec().inner().class_lr(), at::kFloat));
    own.push_back(at::full({1}, spec().inner().class_lr(), at::kFloat));
  }
  return own;
}

TaskStart MetaSgd::Start(const Model& model, const MetaParams& meta, const Batch& support, const InnerSpec& inner,
                         bool learned_rates) const {
  TaskStart start = PlainStart(model, meta, support, inner, adapts());
  if (!learned_rates) {
    return start;
  }
  size_t next = 0;  // the learner's own parameters are in the order of those that move
  for (InnerRate& rate : start.rates) {
    if (rate.moves()) {
      rate.learned = meta.own[next++].unsqueeze(0);
    }
  }
  return start;
}

}  // namespace metaprompt

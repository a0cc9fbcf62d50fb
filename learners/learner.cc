#include "learners/learner.h"

#include <utility>

namespace metaprompt {

std::vector<ParamInfo> MetaInfos(const Model& model, const Learner& learner) {
  std::vector<ParamInfo> infos = model.params();
  for (ParamInfo& info : learner.OwnParams(model)) {
    infos.push_back(std::move(info));
  }
  return infos;
}

ParamList WithOwn(const Model& model, const Learner& learner, ParamList params, uint64_t seed) {
  for (const at::Tensor& own : learner.InitOwn(model, seed)) {
    params.push_back(own.to(params[0].options()));
  }
  return params;
}

}  // namespace metaprompt

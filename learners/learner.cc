#include "learners/learner.h"

#include <c10/util/Exception.h>

#include <utility>

namespace metaprompt {

std::vector<ParamInfo> MetaInfos(const Model& model, const Learner& learner) {
  std::vector<ParamInfo> infos = model.params();
  for (ParamInfo& info : learner.OwnParams(model)) {
    infos.push_back(std::move(info));
  }
  return infos;
}

MetaParams ByName(const Model& model, const ParamList& meta) {
  const size_t count = model.params().size();
  TORCH_CHECK(meta.size() >= count, "ByName: ", meta.size(), " meta-parameters, and the model alone has ", count);
  const auto own = meta.begin() + static_cast<int64_t>(count);
  return {{meta.begin(), own}, {own, meta.end()}};
}

ParamList WithOwn(const Model& model, const Learner& learner, ParamList params, uint64_t seed) {
  for (const at::Tensor& own : learner.InitOwn(model, seed)) {
    params.push_back(own.to(params[0].options()));
  }
  return params;
}

}  // namespace metaprompt

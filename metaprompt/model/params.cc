#include "metaprompt/model/params.h"

#include <ATen/ATen.h>

namespace metaprompt {

ParamList LocalParams(const std::vector<ParamInfo>& infos, const ParamList& params, const at::Tensor& rows) {
  TORCH_CHECK(infos.size() == params.size(), "LocalParams: ", params.size(), " parameters for ", infos.size(),
              " infos");
  ParamList local;
  local.reserve(params.size());
  for (size_t i = 0; i < params.size(); ++i) {
    local.push_back(infos[i].vocab_rows && rows.defined() ? params[i].index_select(0, rows) : params[i]);
  }
  return local;
}

void AddLocal(const std::vector<ParamInfo>& infos, const ParamList& grads, const at::Tensor& rows, ParamList* sums) {
  TORCH_CHECK(infos.size() == grads.size() && infos.size() == sums->size(), "AddLocal: ", grads.size(),
              " gradients and ", sums->size(), " sums for ", infos.size(), " infos");
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i].defined()) {
      continue;
    }
    if (infos[i].vocab_rows && rows.defined()) {
      // The rows are distinct, so the sum can be computed by a gather, an addition and a scatter.
      (*sums)[i].index_copy_(0, rows, (*sums)[i].index_select(0, rows).add_(grads[i]));
    } else {
      (*sums)[i].add_(grads[i]);
    }
  }
}

ParamList Detached(const ParamList& params) {
  ParamList copies;
  copies.reserve(params.size());
  for (const at::Tensor& param : params) {
    copies.push_back(param.defined() ? param.detach().clone() : at::Tensor());
  }
  return copies;
}

int64_t CountNumbers(const std::vector<ParamInfo>& infos, ParamGroup group) {
  int64_t count = 0;
  for (const ParamInfo& info : infos) {
    if (info.group == group) {
      int64_t size = 1;
      for (const int64_t dim : info.shape) {
        size *= dim;
      }
      count += size;
    }
  }
  return count;
}

}  // namespace metaprompt

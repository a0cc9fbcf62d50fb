#include "experiments/runs/state_file.h"

#include <ATen/ATen.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/workbench/param_file.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// Adds the parameters that are defined to a file, with `prefix` before each name.
void Put(absl::string_view prefix, const std::vector<ParamInfo>& infos, const ParamList& params, TensorFile* file) {
  for (size_t i = 0; i < infos.size(); ++i) {
    if (params[i].defined()) {
      file->tensors.emplace_back(absl::StrCat(prefix, infos[i].name), params[i]);
    }
  }
}

// Reads what Put wrote; parameters that it did not write are undefined.
absl::Status Take(absl::string_view prefix, const std::vector<ParamInfo>& infos, const TensorFile& file,
                  absl::string_view path, ParamList* params) {
  std::vector<ParamInfo> there;
  for (const ParamInfo& info : infos) {
    if (file.Find(absl::StrCat(prefix, info.name)).defined()) {
      there.push_back(info);
    }
  }
  ParamList found;
  RETURN_IF_ERROR(TakeParams(prefix, there, file, path, &found));
  params->assign(infos.size(), at::Tensor());
  size_t next = 0;
  for (size_t i = 0; i < infos.size() && next < found.size(); ++i) {
    if (infos[i].name == there[next].name) {
      (*params)[i] = found[next++];
    }
  }
  return absl::OkStatus();
}

}  // namespace

TensorFile ParamsFile(const std::vector<ParamInfo>& infos, const ParamList& params) {
  TensorFile file;
  Put("", infos, params, &file);
  return file;
}

TensorFile StateFile(const std::vector<ParamInfo>& infos, const LearnerState& state) {
  TensorFile file;
  Put("params/", infos, state.params, &file);
  Put("first/", infos, state.optimizer.first, &file);
  Put("second/", infos, state.optimizer.second, &file);
  return file;
}

absl::Status TakeState(const std::vector<ParamInfo>& infos, const TensorFile& file, const std::string& path,
                       int64_t steps, at::Device device, LearnerState* state) {
  RETURN_IF_ERROR(TakeParams("params/", infos, file, path, &state->params));
  RETURN_IF_ERROR(Take("first/", infos, file, path, &state->optimizer.first));
  RETURN_IF_ERROR(Take("second/", infos, file, path, &state->optimizer.second));
  for (ParamList* const params : {&state->params, &state->optimizer.first, &state->optimizer.second}) {
    MoveTo(device, params);
  }
  state->meta_step = steps;
  state->optimizer.step = steps;
  return absl::OkStatus();
}

void MoveTo(at::Device device, ParamList* params) {
  for (at::Tensor& param : *params) {
    if (param.defined()) {
      param = param.to(device);  // no copy on the CPU
    }
  }
}

}  // namespace metaprompt

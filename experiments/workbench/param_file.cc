#include "experiments/workbench/param_file.h"

#include <ATen/ATen.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/mapped_safetensors.h"
#include "metaprompt/model/finite.h"

namespace metaprompt {

absl::Status TakeParams(absl::string_view prefix, const std::vector<ParamInfo>& infos, const TensorFile& file,
                        absl::string_view path, ParamList* params) {
  params->clear();
  for (const ParamInfo& info : infos) {
    const std::string name = absl::StrCat(prefix, info.name);
    const at::Tensor tensor = file.Find(name);
    if (!tensor.defined()) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor '", name, "' is missing"));
    }
    if (tensor.sizes() != at::IntArrayRef(info.shape)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor '", name, "' has shape [",
                                                     absl::StrJoin(tensor.sizes(), ", "), "] instead of [",
                                                     absl::StrJoin(info.shape, ", "), "]"));
    }
    if (tensor.scalar_type() != at::kFloat) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": tensor '", name, "' has numbers of type ",
                                                     c10::toString(tensor.scalar_type()), " instead of Float (F32)"));
    }
    RETURN_IF_ERROR(CheckFinite(absl::StrCat(path, ": tensor '", name, "'"), tensor));
    params->push_back(tensor);
  }
  return absl::OkStatus();
}

absl::StatusOr<ParamList> ReadParamFile(const std::vector<ParamInfo>& infos, const std::string& path,
                                        std::string* sha256) {
  ASSIGN_OR_RETURN(const TensorFile file, ReadSafetensors(path, sha256));
  ParamList params;
  RETURN_IF_ERROR(TakeParams("", infos, file, path, &params));
  if (file.tensors.size() != infos.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": it has ", file.tensors.size(), " tensors instead of ", infos.size()));
  }
  return params;
}

}  // namespace metaprompt

#include "experiments/runs/state_file.h"

#include <ATen/ATen.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "experiments/workbench/param_file.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// Reads the moments that other processes hold.
class HeldMoments {
 public:
  explicit HeldMoments(MomentOwners* owners) : owners_(owners) {}
  absl::StatusOr<at::Tensor> Next() {
    if (next_ == nullptr) {
      ASSIGN_OR_RETURN(next_, owners_->Moments());
    }
    return next_();
  }

 private:
  MomentOwners* const owners_;
  MomentOwners::NextMoment next_;
};

// The float32 tensors of a file; an undefined one is a moment that another process holds.
struct FileParts {
  std::vector<StoredTensor> stored;
  ParamList tensors;

  // Adds the parameters that are defined or held elsewhere, with `prefix` before each name.
  void Put(absl::string_view prefix, const std::vector<ParamInfo>& infos, const ParamList& params,
           const MomentOwners* owners) {
    for (size_t i = 0; i < infos.size(); ++i) {
      if (params[i].defined() || (owners != nullptr && owners->HeldElsewhere(i))) {
        const std::string name = absl::StrCat(prefix, infos[i].name);
        stored.push_back(params[i].defined() ? Stored(name, params[i]) : StoredTensor{name, "F32", infos[i].shape});
        tensors.push_back(params[i]);
      }
    }
  }
};

// Reads what FileParts::Put put into a file; parameters that it did not put there are undefined.
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
  for (size_t i = 0; i < infos.size(); ++i) {
    if (params[i].defined()) {
      file.tensors.emplace_back(infos[i].name, params[i]);
    }
  }
  return file;
}

StreamedTensors StateFile(const std::vector<ParamInfo>& infos, const LearnerState& state, MomentOwners* owners) {
  FileParts parts;
  parts.Put("params/", infos, state.params, nullptr);
  parts.Put("first/", infos, state.optimizer.first, owners);
  parts.Put("second/", infos, state.optimizer.second, owners);
  StreamedTensors file;
  file.tensors = std::move(parts.stored);
  file.tensor = [tensors = std::move(parts.tensors),
                 held = std::make_shared<HeldMoments>(owners)](size_t i) -> absl::StatusOr<at::Tensor> {
    if (tensors[i].defined()) {
      return tensors[i];
    }
    return held->Next();
  };
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

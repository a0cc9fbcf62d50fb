#include "metaprompt/model/finite.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

bool AllFinite(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.numel() == 0 || !at::isFloatingType(tensor.scalar_type())) {
    return true;
  }
  const at::NoGradGuard no_grad;
  // An infinity or NaN stays in every sum. A sum of finite numbers may overflow: then each is looked at.
  return std::isfinite(tensor.sum().item<double>()) || at::isfinite(tensor).all().item<bool>();
}

absl::Status CheckFinite(absl::string_view what, const at::Tensor& tensor) {
  if (AllFinite(tensor)) {
    return absl::OkStatus();
  }
  const at::NoGradGuard no_grad;
  const at::Tensor flat = tensor.detach().cpu().reshape({-1});
  const at::Tensor places = at::isfinite(flat).logical_not().nonzero().reshape({-1});
  const auto first = places[0].item<int64_t>();
  const auto value = flat[first].item<double>();
  return absl::FailedPreconditionError(absl::StrCat(what, ": ", places.numel(), " of ", flat.numel(),
                                                    " numbers are not finite; the first is number ", first + 1, ", ",
                                                    std::isnan(value) ? "nan"
                                                    : value > 0       ? "inf"
                                                                      : "-inf"));
}

absl::Status CheckFinite(const std::vector<ParamInfo>& infos, const ParamList& params) {
  // Those on a device are checked together, because each check waits for the device. One by one if that fails.
  const auto on_device = [](const at::Tensor& param) { return param.defined() && !param.is_cpu(); };
  ParamList sums;
  for (const at::Tensor& param : params) {
    if (on_device(param) && at::isFloatingType(param.scalar_type())) {
      const at::NoGradGuard no_grad;
      sums.push_back(param.sum().to(at::kDouble));
    }
  }
  const bool all_on_device = !sums.empty() && AllFinite(at::stack(sums));
  for (size_t i = 0; i < std::min(infos.size(), params.size()); ++i) {
    if (!all_on_device || !on_device(params[i])) {
      RETURN_IF_ERROR(CheckFinite(infos[i].name, params[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

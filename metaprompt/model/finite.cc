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
  // On a device, all are checked together, because each check waits for the device.
  const bool on_device = std::any_of(params.begin(), params.end(),
                                     [](const at::Tensor& param) { return param.defined() && !param.is_cpu(); });
  if (on_device) {
    const at::NoGradGuard no_grad;
    ParamList sums;
    for (const at::Tensor& param : params) {
      if (param.defined() && at::isFloatingType(param.scalar_type())) {
        sums.push_back(param.sum().to(at::kDouble));
      }
    }
    if (AllFinite(at::stack(sums))) {
      return absl::OkStatus();
    }
  }
  for (size_t i = 0; i < std::min(infos.size(), params.size()); ++i) {
    RETURN_IF_ERROR(CheckFinite(infos[i].name, params[i]));
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

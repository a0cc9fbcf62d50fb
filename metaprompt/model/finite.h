// Checks tensors for infinities and NaNs.
#ifndef METAPROMPT_MODEL_FINITE_H_
#define METAPROMPT_MODEL_FINITE_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Whether all numbers of a tensor of any type and device are finite. Costs one pass over memory. True for an undefined
// or empty tensor.
bool AllFinite(const at::Tensor& tensor);

// OK if AllFinite. The error begins with `what`, and contains how many numbers are not finite and which is the first,
// counted from 1: "bert.pooler.weight: 2 of 589824 numbers are not finite; the first is number 17, nan".
absl::Status CheckFinite(absl::string_view what, const at::Tensor& tensor);

// The same for a list of parameters. The error begins with the name of the first parameter that is not finite.
// Parameters without an info, at the end of the list, are not checked.
absl::Status CheckFinite(const std::vector<ParamInfo>& infos, const ParamList& params);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_FINITE_H_

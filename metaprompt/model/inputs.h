// The examples of a batch, whatever they are: texts or points. What has to be done for each kind of input is done here
// once: counting, selecting, moving to a device.
#ifndef METAPROMPT_MODEL_INPUTS_H_
#define METAPROMPT_MODEL_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "absl/types/span.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// B points, for regression and for models in tests.
struct PointInputs {
  at::Tensor x;  // [B] or [B, D], of the parameters' type
};

using Inputs = std::variant<TextInputs, PointInputs>;

// B.
int64_t CountOf(const Inputs& inputs);

// The same inputs in a device's memory.
Inputs OnDevice(const Inputs& inputs, at::Device device);

// Some of the inputs, in a given order, and where they stood.
struct Selection {
  Inputs inputs;
  at::Tensor which;   // [inputs selected] int64: their numbers among all
  at::Tensor tokens;  // of texts [tokens selected] int64: the numbers of their tokens among all; else undefined
};

// 0 <= number < CountOf(inputs). Costs as much as what is selected; on a device, also a copy of the numbers.
Selection Select(const Inputs& inputs, absl::Span<const int64_t> which);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_INPUTS_H_

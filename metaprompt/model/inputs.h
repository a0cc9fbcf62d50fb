// The inputs of a batch: texts, points or images. The functions here count them, select some of them and move them to a
// device.
#ifndef METAPROMPT_MODEL_INPUTS_H_
#define METAPROMPT_MODEL_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "absl/types/span.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// B points, for the sinusoid regression and for models in tests.
struct PointInputs {
  at::Tensor x;  // [B] or [B, D], in the parameters' type
};

using Inputs = std::variant<TextInputs, PointInputs, ImageInputs>;

// The number of inputs, B.
int64_t CountOf(const Inputs& inputs);

// The same inputs in the device's memory.
Inputs OnDevice(const Inputs& inputs, at::Device device);

// Some of the inputs, in a given order, and their indices in the original.
struct Selection {
  Inputs inputs;
  at::Tensor which;   // [number of selected inputs] int64: their indices in the original
  at::Tensor tokens;  // [number of their tokens] int64: the tokens' indices in the original; undefined for points
};

// Selects the inputs with the indices `which`, each in [0, CountOf(inputs)). Takes time and memory in proportion to
// what is selected. The result is on the device of the inputs.
Selection Select(const Inputs& inputs, absl::Span<const int64_t> which);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_INPUTS_H_

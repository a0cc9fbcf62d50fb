// The inputs of a batch: texts, points or images. Counting, selecting and moving to a device are defined here, once for
// each kind of input.
#ifndef METAPROMPT_MODEL_INPUTS_H_
#define METAPROMPT_MODEL_INPUTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>

#include "absl/types/span.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// B points, for regression and for models in tests.
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
  at::Tensor which;   // [inputs selected] int64: their indices among all inputs
  at::Tensor tokens;  // for texts and images, [tokens selected] int64: their tokens' indices among all; else undefined
};

// Selects the inputs numbered `which`, each in [0, CountOf(inputs)). Takes time and memory in proportion to what is
// selected. On another device than the CPU, the indices are copied there.
Selection Select(const Inputs& inputs, absl::Span<const int64_t> which);

}  // namespace metaprompt

#endif  // METAPROMPT_MODEL_INPUTS_H_

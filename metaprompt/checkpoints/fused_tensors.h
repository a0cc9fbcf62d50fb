// Which tensors of a checkpoint make up an encoder's parameters: most are one parameter each, and some are several, one
// after another, or have rows in place of columns.
#ifndef METAPROMPT_CHECKPOINTS_FUSED_TENSORS_H_
#define METAPROMPT_CHECKPOINTS_FUSED_TENSORS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct CheckpointTensor {
  std::string name;            // as transformers calls it
  std::vector<int64_t> shape;  // of the whole
  std::vector<size_t> parts;   // places of the parameters; each is a range of the first dimension
  bool transposed = false;     // a matrix, of which each parameter is a range of columns, transposed
};

// All of them, in the order of their first parameters.
std::vector<CheckpointTensor> CheckpointTensorsOf(const EncoderLayout& layout);

// The tensor, from all parameters; and the parameters at tensor.parts, each in memory of its own, from the tensor.
at::Tensor Joined(const CheckpointTensor& tensor, const ParamList& params);
std::vector<at::Tensor> Split(const CheckpointTensor& tensor, const EncoderLayout& layout, const at::Tensor& whole);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_FUSED_TENSORS_H_

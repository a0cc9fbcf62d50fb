// Maps the tensors of a checkpoint to an encoder's parameters. Most tensors are one parameter. Some contain several
// parameters, one after another, or are transposed.
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
  std::string name;            // as in transformers
  std::vector<int64_t> shape;  // of the whole tensor
  std::vector<size_t> parts;   // places of the parameters; each is a range of the tensor's first dimension
  bool transposed = false;  // whether it is a matrix in which each parameter is instead a range of columns, transposed
};

// All tensors, in the order of their first parameters.
std::vector<CheckpointTensor> CheckpointTensorsOf(const EncoderLayout& layout);

// Joined computes the tensor from all parameters. Split computes the parameters at tensor.parts from the tensor, each
// in new memory.
at::Tensor Joined(const CheckpointTensor& tensor, const ParamList& params);
std::vector<at::Tensor> Split(const CheckpointTensor& tensor, const EncoderLayout& layout, const at::Tensor& whole);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_FUSED_TENSORS_H_

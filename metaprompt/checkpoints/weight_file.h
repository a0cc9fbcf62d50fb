// WeightFile: a file of named tensors that another program has written (mapped_safetensors.h, torch_file.h).
#ifndef METAPROMPT_CHECKPOINTS_WEIGHT_FILE_H_
#define METAPROMPT_CHECKPOINTS_WEIGHT_FILE_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "metaprompt/checkpoints/safetensors_header.h"

namespace metaprompt {

class WeightFile {
 public:
  virtual ~WeightFile() = default;
  virtual const std::vector<StoredTensor>& tensors() const = 0;
  // A copy of tensors()[index] in new memory: float32 for floating-point types, int64 for I64. Other types are errors.
  // It is also an error if the file has become shorter in the meantime. Errors begin with the file's path.
  virtual absl::StatusOr<at::Tensor> Read(size_t index) const = 0;
};

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_WEIGHT_FILE_H_

// Safetensors files (github.com/huggingface/safetensors) as LibTorch's tensors. safetensors_header.h describes the
// format, and weights.h reads the checkpoints of other programs.
#ifndef METAPROMPT_CHECKPOINTS_SAFETENSORS_H_
#define METAPROMPT_CHECKPOINTS_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/checkpoints/safetensors_header.h"
#include "metaprompt/checkpoints/safetensors_writer.h"

namespace metaprompt {

struct TensorFile {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  // F32, F64, F16, BF16 or I64, on the CPU
  std::map<std::string, std::string> metadata;

  // The tensor of that name, or an undefined one.
  at::Tensor Find(absl::string_view name) const;
};

// The element type of a dtype; an error for those that TensorFile does not have.
absl::StatusOr<at::ScalarType> ElementType(absl::string_view dtype);

// The tensor's name, dtype and shape. Its type must be one that TensorFile has.
StoredTensor Stored(const std::string& name, const at::Tensor& tensor);

// The bytes of the file; the same content gives the same bytes. Meant for small files: everything is in memory twice.
std::string SafetensorsBytes(const TensorFile& file);

// Writes the same bytes to a file, which has a temporary name until it is complete. Takes the memory of the largest
// tensor that is not contiguous or not on the CPU. It is an error if a number is not finite.
absl::Status WriteSafetensors(const std::string& path, const TensorFile& file, BeforeRename before_rename = nullptr);

// Writes the elements of a tensor, or of a piece of it, as the next bytes. Its type must be that of writer->current().
absl::Status AppendTensor(const at::Tensor& piece, SafetensorsWriter* writer);

// Reads such bytes. Nothing in them is trusted: lengths, types, shapes, places and overlaps are checked. Errors begin
// with `name`.
absl::StatusOr<TensorFile> ParseSafetensors(absl::string_view bytes, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_SAFETENSORS_H_

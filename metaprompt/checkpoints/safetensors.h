// Reads and writes safetensors files (github.com/huggingface/safetensors) as LibTorch's tensors. safetensors_header.h
// describes the format. weights.h reads the checkpoints of other programs.
#ifndef METAPROMPT_CHECKPOINTS_SAFETENSORS_H_
#define METAPROMPT_CHECKPOINTS_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <functional>
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

  // The tensor with this name; undefined if there is none.
  at::Tensor Find(absl::string_view name) const;
};

// A file of which not all tensors are in memory at the same time.
struct StreamedTensors {
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata;
  std::function<absl::StatusOr<at::Tensor>(size_t i)> tensor;  // called once for each, in their order
};

// The element type of a dtype of the format. It is an error if TensorFile does not support it.
absl::StatusOr<at::ScalarType> ElementType(absl::string_view dtype);

// The tensor's name, dtype and shape. TensorFile must support its type.
StoredTensor Stored(const std::string& name, const at::Tensor& tensor);

// The bytes of the file. The same content gives the same bytes. For small files only, because everything is in memory
// twice.
std::string SafetensorsBytes(const TensorFile& file);

// Writes the same bytes to a file, which has a temporary name until it is complete. Takes as much memory as the largest
// tensor that is not contiguous or not on the CPU. It is an error if a number is not finite.
absl::Status WriteSafetensors(const std::string& path, const TensorFile& file, BeforeRename before_rename = nullptr);

// The same for tensors that are made when it is their turn. The errors of file.tensor are returned as they are, and
// then no file is left.
absl::Status WriteSafetensors(const std::string& path, const StreamedTensors& file,
                              BeforeRename before_rename = nullptr);

// Writes the elements of a tensor, or of a piece of one, as the next bytes. The type must be that of writer->current().
absl::Status AppendTensor(const at::Tensor& piece, SafetensorsWriter* writer);

// Parses the bytes of a file from an unknown source: lengths, types, shapes, places and overlaps are checked. Errors
// begin with `name`.
absl::StatusOr<TensorFile> ParseSafetensors(absl::string_view bytes, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_SAFETENSORS_H_

// The safetensors file format (github.com/huggingface/safetensors) as LibTorch's tensors. What a file is made of:
// safetensors_header.h. Checkpoints of others: weights.h.
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

// Its name, type and shape. The type is one of TensorFile's.
StoredTensor Stored(const std::string& name, const at::Tensor& tensor);

// The file's bytes. The same content gives the same bytes. For small files: everything is in memory twice.
std::string SafetensorsBytes(const TensorFile& file);

// The same bytes as a file, under a temporary name until they are whole. No more memory than the largest tensor that is
// not contiguous on the CPU takes.
absl::Status WriteSafetensors(const std::string& path, const TensorFile& file);

// The tensor's elements as the writer's next bytes: a tensor or a piece of one, of the type that writer->current() has.
absl::Status AppendTensor(const at::Tensor& piece, SafetensorsWriter* writer);

// Reads such bytes. Nothing in them is trusted: lengths, types, shapes, places and overlaps are checked, and the error
// begins with `name`.
absl::StatusOr<TensorFile> ParseSafetensors(absl::string_view bytes, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_SAFETENSORS_H_

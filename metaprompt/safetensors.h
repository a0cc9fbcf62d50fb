// The safetensors file format (github.com/huggingface/safetensors): 8 bytes of header length, a JSON header with each
// tensor's type, shape and place, then the tensors' bytes, all little-endian.
#ifndef METAPROMPT_SAFETENSORS_H_
#define METAPROMPT_SAFETENSORS_H_

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

struct TensorFile {
  std::vector<std::pair<std::string, at::Tensor>> tensors;  // F32, F64 or I64, on the CPU
  std::map<std::string, std::string> metadata;

  // The tensor of that name, or an undefined one.
  at::Tensor Find(absl::string_view name) const;
};

// The file's bytes. The same content gives the same bytes.
std::string SafetensorsBytes(const TensorFile& file);

// Reads such bytes. Nothing in them is trusted: lengths, types, shapes, places and overlaps are checked, and the error
// begins with `name`.
absl::StatusOr<TensorFile> ParseSafetensors(absl::string_view bytes, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_SAFETENSORS_H_

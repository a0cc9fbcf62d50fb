// The header of a safetensors file (github.com/huggingface/safetensors): 8 bytes of header length, a JSON header with
// each tensor's type, shape and place, then the tensors' bytes, all little-endian. No tensors, no LibTorch.
#ifndef METAPROMPT_CHECKPOINTS_SAFETENSORS_HEADER_H_
#define METAPROMPT_CHECKPOINTS_SAFETENSORS_HEADER_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// What a file declares about a tensor.
struct StoredTensor {
  std::string name;
  std::string dtype;  // the format's name: F32, BF16, I64
  std::vector<int64_t> shape;
};

struct SafetensorsEntry {
  StoredTensor tensor;
  uint64_t begin = 0;  // its bytes in the file, [begin, end): as many as the shape takes
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // as the header lists them
  std::map<std::string, std::string> metadata;
};

// Bytes an element takes; 0 for a type that the format does not have.
uint64_t ElementBytes(absl::string_view dtype);

// Bytes the tensor takes. Errors, without the tensor's name: unknown dtype, more bytes than 2^62.
absl::StatusOr<uint64_t> TensorBytes(absl::string_view dtype, const std::vector<int64_t>& shape);

// Reads the header of a whole file and touches no other bytes. Nothing in it is trusted: its length
// (at most 100 MB, as in the format's own library) and nesting are checked before memory is allocated, no key may stand
// twice, and the tensors must fill the file without gap or overlap. Errors begin with `name`. O(n log n) in the
// tensors.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view file, absl::string_view name);

// The first bytes of a file with these tensors in this order, up to the first byte of a tensor: a multiple of 8 bytes.
// The same content gives the same bytes. Errors: a name that stands twice or is not UTF-8, an invalid dtype or shape.
absl::StatusOr<std::string> SafetensorsHeaderBytes(const std::vector<StoredTensor>& tensors,
                                                   const std::map<std::string, std::string>& metadata);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_SAFETENSORS_HEADER_H_

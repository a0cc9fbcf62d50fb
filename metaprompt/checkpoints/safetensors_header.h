// The header of a safetensors file (github.com/huggingface/safetensors). Such a file has 8 bytes with the header's
// length, a JSON header with each tensor's type, shape and place, and then the tensors' bytes, all little-endian. This
// file needs no LibTorch.
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
  std::string dtype;  // the format's name, such as F32, BF16 or I64
  std::vector<int64_t> shape;
};

struct SafetensorsEntry {
  StoredTensor tensor;
  uint64_t begin = 0;  // its bytes in the file are [begin, end), as many as the shape needs
  uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsEntry> entries;  // in the order of the header
  std::map<std::string, std::string> metadata;
};

// The bytes of an element; 0 for an unknown type.
uint64_t ElementBytes(absl::string_view dtype);

// The bytes of a tensor. Errors, without the tensor's name: an unknown dtype; more than 2^62 bytes.
absl::StatusOr<uint64_t> TensorBytes(absl::string_view dtype, const std::vector<int64_t>& shape);

// Parses the header of `file`, the bytes of a whole file, and accesses no other bytes. The file may come from an
// unknown source: the header's length (at most 100 MB, as in the format's own library) and nesting are checked before
// memory is allocated, no key may occur twice, and the tensors must fill the file without gaps or overlaps. Errors
// begin with `name`. Takes O(n log n) time for n tensors.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view file, absl::string_view name);

// The first bytes of a file with these tensors in this order, up to the first byte of a tensor. Their number is a
// multiple of 8. The same content gives the same bytes. Errors: a name that occurs twice or is not UTF-8, an invalid
// dtype or shape.
absl::StatusOr<std::string> SafetensorsHeaderBytes(const std::vector<StoredTensor>& tensors,
                                                   const std::map<std::string, std::string>& metadata);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_SAFETENSORS_HEADER_H_

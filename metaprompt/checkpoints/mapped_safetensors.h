// Reads a safetensors file by mapping it into memory.
#ifndef METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_
#define METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/checkpoints/weight_file.h"

namespace metaprompt {

// Opening reads only the header. A tensor is copied in pieces of 4 MB, and the pages of each piece are released
// afterwards, so reading takes little more memory than the tensors. If a file becomes shorter while it is mapped,
// reading it ends the process with SIGBUS. The file's size is checked before each piece, so this can happen only while
// a piece is being copied.
absl::StatusOr<std::unique_ptr<WeightFile>> OpenMappedSafetensors(const std::string& path);

// Reads the whole file once, and takes as little memory. The result is the same as that of ParseSafetensors for the
// file's bytes. If `sha256` is not null, it is set to the hash of the file's bytes.
absl::StatusOr<TensorFile> ReadSafetensors(const std::string& path, std::string* sha256 = nullptr);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_

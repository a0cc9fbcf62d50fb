// Reads a safetensors file by mapping it into memory.
#ifndef METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_
#define METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/checkpoints/weight_file.h"

namespace metaprompt {

// Opening reads only the header. A tensor is copied in pieces of 4 MB, and the pages of each piece are released after
// it, so reading takes the memory of the tensors and little more. A file that becomes shorter while it is mapped would
// end the process with SIGBUS. Its size is checked before each piece, so that can happen only during the copy of one.
absl::StatusOr<std::unique_ptr<WeightFile>> OpenMappedSafetensors(const std::string& path);

// Reads the whole file once, with the same care for memory: what ParseSafetensors makes of its bytes. `sha256`, if
// given, becomes the hash of the file's bytes, computed on the way.
absl::StatusOr<TensorFile> ReadSafetensors(const std::string& path, std::string* sha256 = nullptr);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_

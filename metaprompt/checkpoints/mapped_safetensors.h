// A safetensors file read by mapping it.
#ifndef METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_
#define METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/checkpoints/weight_file.h"

namespace metaprompt {

// Opening reads the header alone. A tensor is copied out in pieces of a few megabytes and the pages behind each piece
// are given back, so that reading takes the tensors' own memory and little more. A file that is cut short while it is
// mapped would end the process with SIGBUS: its size is asked for before each piece, which leaves the time of one
// piece's copy.
absl::StatusOr<std::unique_ptr<WeightFile>> OpenMappedSafetensors(const std::string& path);

// Reads the whole file once, with the same care for memory: what ParseSafetensors makes of its bytes. `sha256`, if
// given, becomes the hash of the file's bytes, computed on the way.
absl::StatusOr<TensorFile> ReadSafetensors(const std::string& path, std::string* sha256 = nullptr);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_MAPPED_SAFETENSORS_H_

// SafetensorsWriter: writes a safetensors file in pieces. The shapes of the tensors are given first, and their bytes as
// they are computed.
#ifndef METAPROMPT_CHECKPOINTS_SAFETENSORS_WRITER_H_
#define METAPROMPT_CHECKPOINTS_SAFETENSORS_WRITER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/safetensors_header.h"

namespace metaprompt {

// Keeps only the header in memory. Until Finish, the path is unchanged (for devices and pipes, see AtomicFile). If the
// writer fails or is destroyed before Finish, no new file is left.
class SafetensorsWriter {
 public:
  static absl::StatusOr<std::unique_ptr<SafetensorsWriter>> Create(const std::string& path,
                                                                   std::vector<StoredTensor> tensors,
                                                                   const std::map<std::string, std::string>& metadata,
                                                                   BeforeRename before_rename = nullptr);

  // Writes the next bytes of the tensors, in their order, little-endian. The bytes may be a part of a tensor, or span
  // several tensors.
  absl::Status Append(absl::string_view bytes);
  // The tensor to which the next byte belongs; null after the last tensor.
  const StoredTensor* current() const;
  // Completes the file. It is an error if bytes are missing.
  absl::Status Finish();

 private:
  SafetensorsWriter(const std::string& path, std::vector<StoredTensor> tensors, AtomicFile file);
  // Skips tensors that are complete, and tensors without bytes.
  void Advance();
  absl::Status TooMany() const;

  std::string path_;
  std::vector<StoredTensor> tensors_;
  AtomicFile file_;
  std::vector<uint64_t> left_;  // bytes that each tensor still needs
  size_t current_ = 0;
  uint64_t too_many_ = 0;  // number of bytes after the end of the last tensor
};

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_SAFETENSORS_WRITER_H_

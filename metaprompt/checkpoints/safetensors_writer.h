// Writes a safetensors file piece by piece: the shapes of the tensors are given first, their bytes as they are
// computed.
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

// Keeps only the header in memory. Until Finish, the path holds what it held before (see AtomicFile for paths that are
// devices or pipes). A writer that fails, or is destroyed before Finish, leaves nothing behind.
class SafetensorsWriter {
 public:
  static absl::StatusOr<std::unique_ptr<SafetensorsWriter>> Create(const std::string& path,
                                                                   std::vector<StoredTensor> tensors,
                                                                   const std::map<std::string, std::string>& metadata,
                                                                   BeforeRename before_rename = nullptr);

  // The next bytes of the tensors, in their order, little-endian; a piece may be any part of a tensor, or span two.
  absl::Status Append(absl::string_view bytes);
  // The tensor that the next byte belongs to; null after the last.
  const StoredTensor* current() const;
  // An error if bytes are missing.
  absl::Status Finish();

 private:
  SafetensorsWriter(const std::string& path, std::vector<StoredTensor> tensors, AtomicFile file);
  // Steps over tensors that are complete, and those that take no bytes.
  void Advance();
  absl::Status TooMany() const;

  std::string path_;
  std::vector<StoredTensor> tensors_;
  AtomicFile file_;
  std::vector<uint64_t> left_;  // bytes that each tensor still needs
  size_t current_ = 0;
  uint64_t too_many_ = 0;  // bytes after the last tensor's last
};

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_SAFETENSORS_WRITER_H_

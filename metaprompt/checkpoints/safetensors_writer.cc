#include "metaprompt/checkpoints/safetensors_writer.h"

#include <algorithm>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

absl::StatusOr<std::unique_ptr<SafetensorsWriter>> SafetensorsWriter::Create(
    const std::string& path, std::vector<StoredTensor> tensors, const std::map<std::string, std::string>& metadata,
    BeforeRename before_rename) {
  const absl::StatusOr<std::string> header = SafetensorsHeaderBytes(tensors, metadata);
  if (!header.ok()) {
    return absl::Status(header.status().code(), absl::StrCat("cannot write ", path, ": ", header.status().message()));
  }
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path, std::move(before_rename)));
  RETURN_IF_ERROR(file.Write(*header));
  return absl::WrapUnique(new SafetensorsWriter(path, std::move(tensors), std::move(file)));
}

SafetensorsWriter::SafetensorsWriter(const std::string& path, std::vector<StoredTensor> tensors, AtomicFile file)
    : path_(path), tensors_(std::move(tensors)), file_(std::move(file)) {
  for (const StoredTensor& tensor : tensors_) {
    left_.push_back(TensorBytes(tensor.dtype, tensor.shape).value());
  }
  Advance();
}

void SafetensorsWriter::Advance() {
  while (current_ < left_.size() && left_[current_] == 0) {
    ++current_;
  }
}

const StoredTensor* SafetensorsWriter::current() const {
  return current_ < tensors_.size() ? &tensors_[current_] : nullptr;
}

absl::Status SafetensorsWriter::Append(absl::string_view bytes) {
  uint64_t size = bytes.size();
  while (size > 0 && current_ < left_.size()) {
    const uint64_t part = std::min(size, left_[current_]);
    left_[current_] -= part;
    size -= part;
    Advance();
  }
  too_many_ += size;
  return too_many_ > 0 ? TooMany() : file_.Write(bytes);
}

absl::Status SafetensorsWriter::TooMany() const {
  return absl::InvalidArgumentError(
      absl::StrCat("cannot write ", path_, ": ", too_many_, " bytes more than its tensors take"));
}

absl::Status SafetensorsWriter::Finish() {
  if (too_many_ > 0) {
    return TooMany();
  }
  if (current() != nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("cannot write ", path_, ": tensor ", Quoted(current()->name),
                                                      " waits for ", left_[current_], " bytes"));
  }
  return file_.Commit();
}

}  // namespace metaprompt

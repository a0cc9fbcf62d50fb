#include "metaprompt/checkpoints/mapped_safetensors.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr uint64_t kPiece = 4 << 20;  // bytes; a multiple of every element and page size

// A file that is open and mapped into memory, read-only.
class Mapping {
 public:
  static absl::StatusOr<std::unique_ptr<Mapping>> Open(const std::string& path) {
    // Without O_NONBLOCK, opening a pipe would wait for its writer.
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
      return SystemError(path, errno);
    }
    auto mapping = std::make_unique<Mapping>(path, fd);
    struct stat about = {};
    if (fstat(fd, &about) != 0) {
      return SystemError(path, errno);
    }
    if (!S_ISREG(about.st_mode)) {
      return absl::InvalidArgumentError(absl::StrCat(path, ": not a file"));
    }
    mapping->size_ = static_cast<uint64_t>(about.st_size);
    if (mapping->size_ > 0) {
      void* start = mmap(nullptr, mapping->size_, PROT_READ, MAP_PRIVATE, fd, 0);
      if (start == MAP_FAILED) {
        return SystemError(path, errno);
      }
      mapping->start_ = static_cast<char*>(start);
    }
    return mapping;
  }

  Mapping(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  ~Mapping() {
    if (start_ != nullptr) {
      munmap(start_, size_);
    }
    close(fd_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const std::string& path() const { return path_; }
  absl::string_view bytes() const { return {start_, size_}; }

  // Copies the bytes [begin, end), at most kPiece of them.
  absl::Status CopyOut(uint64_t begin, uint64_t end, void* to) const {
    struct stat about = {};
    if (fstat(fd_, &about) != 0) {
      return SystemError(path_, errno);
    }
    if (static_cast<uint64_t>(about.st_size) < size_) {
      return absl::FailedPreconditionError(
          absl::StrCat(path_, ": it was cut short while it was read, from ", size_, " bytes to ", about.st_size));
    }
    std::memcpy(to, start_ + begin, end - begin);
    const auto page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    const uint64_t first = begin / page * page;
    madvise(start_ + first, end - first, MADV_DONTNEED);
    return absl::OkStatus();
  }

 private:
  std::string path_;
  int fd_;
  char* start_ = nullptr;
  uint64_t size_ = 0;
};

class MappedSafetensors : public WeightFile {
 public:
  MappedSafetensors(std::unique_ptr<Mapping> mapping, SafetensorsHeader header) : mapping_(std::move(mapping)) {
    for (SafetensorsEntry& entry : header.entries) {
      tensors_.push_back(std::move(entry.tensor));
      places_.emplace_back(entry.begin, entry.end);
    }
  }

  const std::vector<StoredTensor>& tensors() const override { return tensors_; }

  absl::StatusOr<at::Tensor> Read(size_t index) const override {
    const StoredTensor& stored = tensors_[index];
    const absl::StatusOr<at::ScalarType> type = ElementType(stored.dtype);
    if (!type.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(mapping_->path(), ": tensor ", Quoted(stored.name), ": ", type.status().message()));
    }
    const bool as_it_is = *type == at::kFloat || *type == at::kLong;
    const auto element = static_cast<uint64_t>(c10::elementSize(*type));
    const at::Tensor whole = at::empty(stored.shape, *type == at::kLong ? at::kLong : at::kFloat);
    const at::Tensor flat = whole.view({-1});
    const auto [begin, end] = places_[index];
    // Bytes in the file may not be aligned for their type.
    const at::Tensor buffer =
        as_it_is ? at::Tensor() : at::empty({static_cast<int64_t>(std::min(kPiece, end - begin) / element)}, *type);
    for (uint64_t at = begin; at < end; at += kPiece) {
      const uint64_t to = std::min(at + kPiece, end);
      void* target =
          as_it_is ? static_cast<void*>(static_cast<char*>(whole.data_ptr()) + (at - begin)) : buffer.data_ptr();
      RETURN_IF_ERROR(mapping_->CopyOut(at, to, target));
      if (!as_it_is) {
        const auto count = static_cast<int64_t>((to - at) / element);
        flat.narrow(0, static_cast<int64_t>((at - begin) / element), count).copy_(buffer.narrow(0, 0, count));
      }
    }
    return whole;
  }

 private:
  std::unique_ptr<Mapping> mapping_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::pair<uint64_t, uint64_t>> places_;  // [begin, end) of each tensor's bytes
};

}  // namespace

absl::StatusOr<std::unique_ptr<WeightFile>> OpenMappedSafetensors(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<Mapping> mapping, Mapping::Open(path));
  ASSIGN_OR_RETURN(SafetensorsHeader header, ParseSafetensorsHeader(mapping->bytes(), path));
  return std::make_unique<MappedSafetensors>(std::move(mapping), std::move(header));
}

absl::StatusOr<TensorFile> ReadSafetensors(const std::string& path, std::string* sha256) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Mapping> mapping, Mapping::Open(path));
  ASSIGN_OR_RETURN(SafetensorsHeader header, ParseSafetensorsHeader(mapping->bytes(), path));
  TensorFile file;
  file.metadata = std::move(header.metadata);
  std::vector<std::pair<const SafetensorsEntry*, char*>> targets;  // each tensor and the memory for its bytes
  for (const SafetensorsEntry& entry : header.entries) {
    const absl::StatusOr<at::ScalarType> type = ElementType(entry.tensor.dtype);
    if (!type.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor ", Quoted(entry.tensor.name), ": ", type.status().message()));
    }
    const at::Tensor tensor = at::empty(entry.tensor.shape, at::TensorOptions().dtype(*type));
    targets.emplace_back(&entry, static_cast<char*>(tensor.data_ptr()));
    file.tensors.emplace_back(entry.tensor.name, tensor);
  }
  // In the order of the file, which the tensors fill without gaps.
  std::stable_sort(targets.begin(), targets.end(),
                   [](const auto& a, const auto& b) { return a.first->begin < b.first->begin; });
  Sha256Stream hash;
  if (sha256 != nullptr) {
    hash.Add(mapping->bytes().substr(0, targets.empty() ? absl::string_view::npos : targets[0].first->begin));
  }
  for (const auto& [entry, target] : targets) {
    for (uint64_t at = entry->begin; at < entry->end; at += kPiece) {
      const uint64_t to = std::min(at + kPiece, entry->end);
      char* const piece = target + (at - entry->begin);
      RETURN_IF_ERROR(mapping->CopyOut(at, to, piece));
      if (sha256 != nullptr) {
        hash.Add({piece, to - at});
      }
    }
  }
  if (sha256 != nullptr) {
    *sha256 = hash.Finish();
  }
  return file;
}

}  // namespace metaprompt

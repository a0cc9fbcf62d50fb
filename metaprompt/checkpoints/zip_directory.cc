#include "metaprompt/checkpoints/zip_directory.h"

#include <algorithm>
#include <cstdint>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace metaprompt {
namespace {

// For the format, see PKWARE's APPNOTE.TXT, sections 4.3.12 to 4.3.16. Numbers are little-endian.
constexpr size_t kEndBytes = 22;
constexpr size_t kLocatorBytes = 20;
constexpr size_t kEnd64Bytes = 56;
constexpr size_t kEntryBytes = 46;
constexpr size_t kMaxComment = 65535;
constexpr uint64_t kMaxDirectory = 64 << 20;

uint64_t Number(absl::string_view bytes, size_t at, size_t count) {
  uint64_t number = 0;
  for (size_t i = 0; i < count; ++i) {
    number |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return number;
}

// Reads `count` bytes, or fewer at the end of the file.
std::string ReadAt(std::ifstream* file, uint64_t at, uint64_t count) {
  std::string bytes(count, '\0');
  file->clear();
  file->seekg(static_cast<std::streamoff>(at));
  file->read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(file->gcount()));
  return bytes;
}

}  // namespace

absl::Status CheckZipIsNotCompressed(const std::string& path) {
  const auto bad = [&](absl::string_view what) { return absl::InvalidArgumentError(absl::StrCat(path, ": ", what)); };
  std::ifstream file(path, std::ios::binary);
  file.seekg(0, std::ios::end);
  if (!file || file.tellg() < 0) {
    return bad("it cannot be read");
  }
  const auto size = static_cast<uint64_t>(file.tellg());
  const uint64_t tail_begin = size - std::min<uint64_t>(size, kMaxComment + kEndBytes + kLocatorBytes);
  const std::string tail = ReadAt(&file, tail_begin, size - tail_begin);
  const size_t end = tail.rfind("PK\x05\x06");
  if (end == std::string::npos || tail.size() - end < kEndBytes) {
    return bad("not a whole zip file: its directory is missing; the file may be cut short");
  }
  uint64_t directory_bytes = Number(tail, end + 12, 4);
  uint64_t directory_at = Number(tail, end + 16, 4);
  if (end >= kLocatorBytes && tail.compare(end - kLocatorBytes, 4, "PK\x06\x07") == 0) {
    const std::string end64 = ReadAt(&file, Number(tail, end - kLocatorBytes + 8, 8) & INT64_MAX, kEnd64Bytes);
    if (end64.size() == kEnd64Bytes && end64.compare(0, 4, "PK\x06\x06") == 0) {
      directory_bytes = Number(end64, 40, 8);
      directory_at = Number(end64, 48, 8);
    }
  }
  if (directory_at > size || directory_bytes > size - directory_at || directory_bytes > kMaxDirectory) {
    return bad("not a whole zip file: its directory is not inside the file");
  }
  const std::string directory = ReadAt(&file, directory_at, directory_bytes);
  for (size_t at = 0; at < directory.size();) {
    if (directory.size() - at < kEntryBytes || directory.compare(at, 4, "PK\x01\x02") != 0) {
      return bad("not a whole zip file: its directory is broken");
    }
    if (Number(directory, at + 10, 2) != 0) {
      return bad("it has compressed records, which torch.save does not write");
    }
    at += kEntryBytes + Number(directory, at + 28, 2) + Number(directory, at + 30, 2) + Number(directory, at + 32, 2);
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

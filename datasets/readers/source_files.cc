#include "datasets/readers/source_files.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "datasets/readers/packed_file.h"

namespace metaprompt {

bool IsFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  std::filesystem::recursive_directory_iterator it(folder, error);
  for (; !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    std::error_code gone;
    if (it->symlink_status(gone).type() == std::filesystem::file_type::regular) {
      files.push_back(it->path().lexically_relative(folder).string());
    }
  }
  if (error) {
    return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status ForEachFile(const std::string& path, int64_t max_bytes,
                         absl::FunctionRef<bool(absl::string_view name)> wanted,
                         absl::FunctionRef<absl::Status(const std::string& name, const std::string& contents)> take) {
  if (IsFolder(path)) {
    const absl::StatusOr<std::vector<std::string>> files = FilesBelow(path);
    if (!files.ok()) {
      return files.status();
    }
    for (const std::string& name : *files) {
      if (!wanted(name)) {
        continue;
      }
      const absl::StatusOr<std::string> contents = ReadPackedFile(absl::StrCat(path, "/", name), max_bytes);
      absl::Status status = contents.ok() ? take(name, *contents) : contents.status();
      if (!status.ok()) {
        return status;
      }
    }
    return absl::OkStatus();
  }
  absl::StatusOr<Archive> archive = Archive::Open(path);
  if (!archive.ok()) {
    return archive.status();
  }
  for (std::string name;;) {
    const absl::StatusOr<bool> more = archive->Next(&name);
    if (!more.ok() || !*more) {
      return more.status();
    }
    if (!wanted(name)) {
      continue;
    }
    const absl::StatusOr<std::string> contents = archive->Contents(max_bytes);
    absl::Status status = contents.ok() ? take(name, *contents) : contents.status();
    if (!status.ok()) {
      return status;
    }
  }
}

std::string Utf8OfLatin1(absl::string_view latin1) {
  std::string utf8;
  utf8.reserve(latin1.size());
  for (const char c : latin1) {
    const auto byte = static_cast<unsigned char>(c);  // ISO 8859-1 numbers its characters as Unicode does
    if (byte >= 0x80 && byte < 0xa0) {
      utf8.push_back(' ');
      continue;
    }
    std::array<char, U8_MAX_LENGTH> bytes = {};
    size_t length = 0;
    U8_APPEND_UNSAFE(bytes.data(), length, byte);
    utf8.append(bytes.data(), length);
  }
  return utf8;
}

}  // namespace metaprompt

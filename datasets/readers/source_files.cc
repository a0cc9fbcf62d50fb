#include "datasets/readers/source_files.h"

#include <unicode/utf8.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "datasets/readers/packed_file.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {

bool IsFolder(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_directory(path, error);
}

namespace {

// The paths, relative to the folder and in byte order, of those entries that Iterator finds and that are `wanted`.
template <typename Iterator>
absl::StatusOr<std::vector<std::string>> Entries(
    const std::string& folder, absl::FunctionRef<bool(const std::filesystem::directory_entry& entry)> wanted) {
  std::vector<std::string> files;
  std::error_code error;
  for (Iterator it(folder, error); !error && it != Iterator(); it.increment(error)) {
    if (wanted(*it)) {
      files.push_back(it->path().lexically_relative(folder).string());
    }
  }
  if (error) {
    return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder) {
  return Entries<std::filesystem::recursive_directory_iterator>(folder, [](const auto& entry) {
    std::error_code gone;
    return entry.symlink_status(gone).type() == std::filesystem::file_type::regular;
  });
}

absl::StatusOr<std::vector<std::string>> FilesIn(const std::string& folder) {
  return Entries<std::filesystem::directory_iterator>(folder, [](const auto& entry) {
    std::error_code gone;
    return entry.is_regular_file(gone);
  });
}

absl::string_view WithoutFolders(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

absl::Status ForEachFile(const std::string& path, int64_t max_bytes,
                         absl::FunctionRef<bool(absl::string_view name)> wanted,
                         absl::FunctionRef<absl::Status(const std::string& name, std::string contents)> take) {
  if (IsFolder(path)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(path));
    for (const std::string& name : files) {
      if (wanted(name)) {
        ASSIGN_OR_RETURN(std::string contents, ReadPackedFile(absl::StrCat(path, "/", name), max_bytes));
        RETURN_IF_ERROR(take(name, std::move(contents)));
      }
    }
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(Archive archive, Archive::Open(path));
  for (std::string name;;) {
    ASSIGN_OR_RETURN(const bool more, archive.Next(&name));
    if (!more) {
      return absl::OkStatus();
    }
    if (wanted(name)) {
      ASSIGN_OR_RETURN(std::string contents, archive.Contents(max_bytes));
      RETURN_IF_ERROR(take(name, std::move(contents)));
    }
  }
}

std::string Utf8OfLatin1(absl::string_view latin1) {
  std::string utf8;
  utf8.reserve(latin1.size());
  for (const char c : latin1) {
    const auto byte = static_cast<unsigned char>(c);  // characters have the same numbers in ISO 8859-1 and in Unicode
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

// The files of a data set: in a folder, or in an archive as it was downloaded.
#ifndef DATASETS_READERS_SOURCE_FILES_H_
#define DATASETS_READERS_SOURCE_FILES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Whether `path` is a folder.
bool IsFolder(const std::string& path);

// The regular files at any depth below a folder: paths relative to it, in byte order. Links are not followed.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder);

// The names of the regular files directly in a folder, and of links to regular files, in byte order.
absl::StatusOr<std::vector<std::string>> FilesIn(const std::string& folder);

// The name of a file without the folders in its path.
absl::string_view WithoutFolders(absl::string_view path);

// Calls `take` with every file of a folder, or of a tar or zip archive, for whose relative path `wanted` is true. The
// order is that of FilesBelow or of the archive. Only one file is in memory at a time; one of more than `max_bytes` is
// an error. Returns the first error.
absl::Status ForEachFile(const std::string& path, int64_t max_bytes,
                         absl::FunctionRef<bool(absl::string_view name)> wanted,
                         absl::FunctionRef<absl::Status(const std::string& name, std::string contents)> take);

// ISO 8859-1 as UTF-8. Its control characters above 127 become blanks.
std::string Utf8OfLatin1(absl::string_view latin1);

}  // namespace metaprompt

#endif  // DATASETS_READERS_SOURCE_FILES_H_

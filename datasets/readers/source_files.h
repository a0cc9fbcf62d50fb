// The files of a public distribution: a folder, or the archive as it is downloaded.
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

// Whether there is a folder at that path.
bool IsFolder(const std::string& path);

// Regular files at any depth below a folder, as paths relative to it, in byte order. Links are not followed.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::string& folder);

// Calls `take` with every file of a folder, or of a tar or zip archive, whose relative path is `wanted`: one in memory
// at a time, none of them above `max_bytes`. Their order is the archive's. The first error ends it.
absl::Status ForEachFile(const std::string& path, int64_t max_bytes,
                         absl::FunctionRef<bool(absl::string_view name)> wanted,
                         absl::FunctionRef<absl::Status(const std::string& name, const std::string& contents)> take);

// ISO 8859-1 as UTF-8; its control characters become blanks.
std::string Utf8OfLatin1(absl::string_view latin1);

}  // namespace metaprompt

#endif  // DATASETS_READERS_SOURCE_FILES_H_

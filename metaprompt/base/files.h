// Reads and writes files. A file is written as a whole or not at all, and errors name it.
#ifndef METAPROMPT_BASE_FILES_H_
#define METAPROMPT_BASE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// The error "`what`: the system's reason" for an errno. Its code is NotFound, ResourceExhausted or Unavailable.
absl::Status SystemError(absl::string_view what, int error);

// The file's bytes. The error names the path and the system's reason.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes to a temporary name in the same folder, flushes to disk and renames: the path holds the old bytes or the new
// ones, never a part. On failure (a full disk, say) the temporary file is removed.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents);

// The same for a file that is written in pieces. If it is destroyed before Commit, no file is left.
class AtomicFile {
 public:
  static absl::StatusOr<AtomicFile> Create(std::string path);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  absl::Status Write(absl::string_view bytes);
  absl::Status Commit();

 private:
  AtomicFile(std::string path, std::string temporary, int fd);
  // Closes and removes the temporary file. Returns the error.
  absl::Status Fail(int error);

  std::string path_;
  std::string temporary_;
  int fd_;  // -1: committed, or failed
};

// OK if `path` is a folder. The error explains that a folder is needed and that nothing is downloaded.
absl::Status CheckFolder(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_FILES_H_

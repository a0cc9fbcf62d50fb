// Files that are whole or not there, and errors that name them.
#ifndef METAPROMPT_BASE_FILES_H_
#define METAPROMPT_BASE_FILES_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// "`what`: the system's reason" for an errno; NotFound, ResourceExhausted or Unavailable.
absl::Status SystemError(absl::string_view what, int error);

// The file's bytes. The error names the path and the system's reason.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes to a temporary name in the same folder, flushes to disk and renames: the path holds the old bytes or the new
// ones, never a part. On failure (a full disk, say) the temporary file is removed.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents);

// The same for a file that is written piece by piece. Destroyed before Commit, it leaves nothing.
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
  // Closes and removes what there is; the error.
  absl::Status Fail(int error);

  std::string path_;
  std::string temporary_;
  int fd_;  // -1: written, or given up
};

// OK where there is such a folder. The error says that it is a folder which is wanted, and that nothing is downloaded.
absl::Status CheckFolder(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_FILES_H_

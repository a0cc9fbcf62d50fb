// Reads and writes files. A file is written completely or not at all, and errors name it. The program writes all files
// with these functions or with new_folder.h.
#ifndef METAPROMPT_BASE_FILES_H_
#define METAPROMPT_BASE_FILES_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/hash.h"

namespace metaprompt {

// The error "`what`: the system's reason" for the errno `error`. Its code is NotFound, ResourceExhausted or
// Unavailable.
absl::Status SystemError(absl::string_view what, int error);

// The file's bytes. The error names the path and the system's reason.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// The SHA-256 of the file's bytes, read in pieces. The error is that of ReadFile.
absl::StatusOr<std::string> FileSha256(const std::string& path);

// A function that is called with the SHA-256 of a file's bytes when they are on the disk under a temporary name, just
// before the file is renamed. If it returns an error, the file is not written.
using BeforeRename = std::function<absl::Status(const std::string& sha256)>;

// Writes a temporary file in the same folder, flushes it to the disk, renames it, and flushes the folder. So the path
// always has either the old bytes or the new ones. On failure (such as a full disk) the temporary file is removed. Its
// name is new, and the file is locked (flock) while it is written. A file that replaces another one gets its
// permissions. A file that this process may not write is not replaced.
//
// Paths that cannot be replaced by renaming are written directly: /dev/stdout and other descriptors of this process,
// devices and pipes. If the path is a symbolic link, the file to which it leads is replaced, and the link stays.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents,
                                 BeforeRename before_rename = nullptr);

// The same for a file that is written in pieces. If the object is destroyed before Commit, no file is left.
class AtomicFile {
 public:
  static absl::StatusOr<AtomicFile> Create(std::string path, BeforeRename before_rename = nullptr);
  ~AtomicFile();
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;

  absl::Status Write(absl::string_view bytes);
  absl::Status Commit();

 private:
  AtomicFile(std::string path, BeforeRename before_rename);
  // Opens `target` itself, or a new temporary file in its folder. Returns 0 or errno.
  int OpenAt(const std::string& target);
  // Closes the file, and removes the temporary file if there is one.
  void Discard();
  absl::Status Fail(int error);

  std::string path_;
  std::string target_;     // path_ without symbolic links
  std::string temporary_;  // empty: the bytes are written to the target itself
  int fd_ = -1;            // -1: committed, or failed
  BeforeRename before_rename_;
  std::unique_ptr<Sha256Stream> hash_;  // for before_rename_
};

// Removes the temporary files that killed processes have left in the folder: files with names that AtomicFile makes, if
// no process has locked them.
void RemoveStaleTemporaries(const std::string& folder);

// The path to which `path` leads through symbolic links. It need not exist. A link to a descriptor, such as
// /dev/stdout, leads to /proc/self/fd/N.
std::string FinalPath(std::string path);

// The folder that contains the path.
std::string ParentOf(const std::string& path);

// Flushes a folder's entries to the disk. Returns 0 or errno.
int SyncFolder(const std::string& folder);

// Renames a file or folder to a new name. Returns 0 or errno (EEXIST if the name is taken).
int RenameToNew(const std::string& from, const std::string& to);

// OK if `path` is a folder. The error explains that a folder is needed and that nothing is downloaded.
absl::Status CheckFolder(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_FILES_H_

// Reads and writes files. A file is written as a whole or not at all, and errors name it. Everything that the program
// writes goes through here or through new_folder.h.
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

// The error "`what`: the system's reason" for an errno. Its code is NotFound, ResourceExhausted or Unavailable.
absl::Status SystemError(absl::string_view what, int error);

// The file's bytes. The error names the path and the system's reason.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// The SHA-256 of the file's bytes, read in pieces. The error is that of ReadFile.
absl::StatusOr<std::string> FileSha256(const std::string& path);

// Is called with the SHA-256 of a file's bytes when they are on the disk, under a temporary name, and just before the
// file gets its own name. After an error, the file is not written.
using BeforeRename = std::function<absl::Status(const std::string& sha256)>;

// Writes to a temporary name in the same folder, flushes to the disk, renames, and flushes the folder: the path holds
// the old bytes or the new ones, never a part. On failure (a full disk, say) the temporary file is removed. The
// temporary name is one that no other file has, and the file is locked (flock) while it is written. A file that is
// replaced passes its permissions on.
//
// What cannot be renamed to is written to: /dev/stdout and other descriptors of this process, devices and pipes, which
// then get the bytes as they come. Of a symbolic link, the file that it leads to is replaced; the link stays.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents,
                                 BeforeRename before_rename = nullptr);

// The same for a file that is written in pieces. If it is destroyed before Commit, no file is left.
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
  // Opens what is at `target`, or a new temporary file beside it. 0 or errno.
  int OpenAt(const std::string& target);
  // Closes, and removes the temporary file if there is one.
  void Discard();
  absl::Status Fail(int error);

  std::string path_;
  std::string target_;     // path_ without symbolic links
  std::string temporary_;  // empty: the bytes go to the target itself
  int fd_ = -1;            // -1: committed, or failed
  BeforeRename before_rename_;
  std::unique_ptr<Sha256Stream> hash_;  // for before_rename_
};

// Removes the temporary files that processes which were killed have left in the folder: files whose names AtomicFile
// makes, and that no process has locked.
void RemoveStaleTemporaries(const std::string& folder);

// The path that a path leads to through symbolic links, whether anything is there or not. A link to a descriptor, such
// as /dev/stdout, leads to /proc/self/fd/N.
std::string FinalPath(std::string path);

// The folder that a path is in.
std::string ParentOf(const std::string& path);

// Flushes the names in a folder to the disk. 0 or errno.
int SyncFolder(const std::string& folder);

// Renames a file or folder to a name that nothing has. 0 or errno (EEXIST if something has it).
int RenameToNew(const std::string& from, const std::string& to);

// OK if `path` is a folder. The error explains that a folder is needed and that nothing is downloaded.
absl::Status CheckFolder(const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_FILES_H_

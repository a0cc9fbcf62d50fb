// Makes folders: one that is whole or not there, and the folders above a path.
#ifndef METAPROMPT_BASE_NEW_FOLDER_H_
#define METAPROMPT_BASE_NEW_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metaprompt {

// Makes a folder and those above it that are not there, and appends each that it made to `made`, the outermost first.
absl::Status MakeFolders(const std::string& path, std::vector<std::string>* made);

// Removes folders that MakeFolders made, unless anything is in them.
void RemoveEmpty(const std::vector<std::string>& made);

// A folder that is filled under a temporary name which nothing else has, and gets its own name when it is whole.
// Nothing that was there before is removed or replaced. If it is destroyed before Commit, nothing is left. A process
// that is killed leaves the temporary folder, PATH.tmp.PID.N, which no later command removes.
class NewFolder {
 public:
  // OK if `path` is free, or a folder with nothing in it, or a symbolic link to one, and this process may write there.
  // Makes nothing: a command can call it before long work, and Create after it.
  static absl::Status CheckFree(const std::string& path);

  // A path that CheckFree accepts. An empty folder stays, and is filled. Errors: those of CheckFree; the system's.
  static absl::StatusOr<NewFolder> Create(std::string path);
  ~NewFolder();
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;

  // The temporary folder, to write into.
  const std::string& path() const { return temporary_; }

  absl::Status Commit();

 private:
  NewFolder() = default;
  // Moves what is in the temporary folder into the target. 0 or errno.
  int FillTarget() const;

  std::string path_;
  std::string target_;     // path_ without symbolic links
  bool fills_ = false;     // the target is there, and empty
  std::string temporary_;  // empty: committed
  std::vector<std::string> made_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_NEW_FOLDER_H_

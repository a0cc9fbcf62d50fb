// Makes folders: NewFolder, which is either complete or not there, and the folders above a path.
#ifndef METAPROMPT_BASE_NEW_FOLDER_H_
#define METAPROMPT_BASE_NEW_FOLDER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metaprompt {

// Makes a folder and all missing folders above it. Appends the paths of all folders that it makes to `made`, the
// outermost first.
absl::Status MakeFolders(const std::string& path, std::vector<std::string>* made);

// Removes those of the folders from MakeFolders that are empty.
void RemoveEmpty(const std::vector<std::string>& made);

// A folder that is filled under a new temporary name, and renamed when it is complete. No file or folder that was there
// before is removed or replaced. If the object is destroyed before Commit, nothing is left. A process that is killed
// leaves the temporary folder, PATH.tmp.PID.N, and no later command removes it.
class NewFolder {
 public:
  // OK if `path` does not exist, or is an empty folder or a symbolic link to one, and this process may write there.
  // Makes nothing, so that a command can call it before long work, and Create afterwards.
  static absl::Status CheckFree(const std::string& path);

  // Makes the temporary folder. CheckFree must accept the path. If the path is an empty folder, Commit fills this
  // folder. Errors: those of CheckFree, and the system's.
  static absl::StatusOr<NewFolder> Create(std::string path);
  ~NewFolder();
  NewFolder(NewFolder&& other) noexcept;
  NewFolder& operator=(NewFolder&&) = delete;

  // The temporary folder, to write into.
  const std::string& path() const { return temporary_; }

  absl::Status Commit();

 private:
  NewFolder() = default;
  // Moves the contents of the temporary folder into the target. Returns 0 or errno.
  int FillTarget() const;

  std::string path_;
  std::string target_;     // path_ without symbolic links
  bool fills_ = false;     // whether the target exists and is an empty folder
  std::string temporary_;  // empty: committed
  std::vector<std::string> made_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_NEW_FOLDER_H_

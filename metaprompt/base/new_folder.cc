#include "metaprompt/base/new_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr int kMostTemporaries = 10000;  // per process and folder

std::string WithoutSlashes(std::string path) {  // at the end
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  return path;
}

// OK if this process may write into `folder`, in order to make or fill `path`.
absl::Status CheckWritable(const std::string& folder, const std::string& path) {
  return access(folder.c_str(), W_OK | X_OK) == 0 ? absl::OkStatus()
                                                  : SystemError(absl::StrCat("cannot make ", path), errno);
}

}  // namespace

absl::Status MakeFolders(const std::string& path, std::vector<std::string>* made) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  if (const std::string parent = ParentOf(path); parent != path && stat(parent.c_str(), &info) != 0) {
    RETURN_IF_ERROR(MakeFolders(parent, made));
  }
  if (mkdir(path.c_str(), 0777) == 0) {
    made->push_back(path);
  } else if (errno != EEXIST) {  // otherwise another process has made it
    return SystemError(absl::StrCat("cannot make ", path), errno);
  } else if (stat(path.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
    return SystemError(absl::StrCat("cannot make ", path), ENOTDIR);
  }
  return absl::OkStatus();
}

void RemoveEmpty(const std::vector<std::string>& made) {
  for (auto folder = made.rbegin(); folder != made.rend(); ++folder) {
    rmdir(folder->c_str());
  }
}

absl::Status NewFolder::CheckFree(const std::string& path) {
  if (path.empty()) {
    return absl::InvalidArgumentError("the name of the folder to make is empty; give one");
  }
  const std::string name = WithoutSlashes(path);
  const std::string target = FinalPath(name);
  struct stat info;
  if (stat(target.c_str(), &info) != 0) {
    std::string above = ParentOf(target);
    while (stat(above.c_str(), &info) != 0 && ParentOf(above) != above) {
      above = ParentOf(above);
    }
    return S_ISDIR(info.st_mode) ? CheckWritable(above, name)
                                 : SystemError(absl::StrCat("cannot make ", above), ENOTDIR);
  }
  if (!S_ISDIR(info.st_mode)) {
    return absl::AlreadyExistsError(absl::StrCat(name, ": it is there, and not a folder; name another"));
  }
  std::error_code error;
  if (!std::filesystem::is_empty(target, error)) {
    return absl::AlreadyExistsError(error ? absl::StrCat(name, ": ", error.message())
                                          : absl::StrCat(name, ": the folder is not empty; name another, or empty it"));
  }
  return CheckWritable(target, name);
}

absl::StatusOr<NewFolder> NewFolder::Create(std::string path) {
  RETURN_IF_ERROR(CheckFree(path));
  NewFolder folder;
  folder.path_ = WithoutSlashes(std::move(path));
  folder.target_ = FinalPath(folder.path_);
  struct stat info;
  folder.fills_ = stat(folder.target_.c_str(), &info) == 0;
  if (!folder.fills_) {
    RETURN_IF_ERROR(MakeFolders(ParentOf(folder.target_), &folder.made_));
  }
  for (int i = 0; i < kMostTemporaries; ++i) {
    const std::string name = absl::StrCat(folder.target_, folder.fills_ ? "/" : "", ".tmp.", getpid(), ".", i);
    if (mkdir(name.c_str(), 0777) == 0) {
      folder.temporary_ = name;
      return folder;
    }
    if (errno != EEXIST) {
      return SystemError(absl::StrCat("cannot make ", folder.path_), errno);
    }
  }
  return SystemError(absl::StrCat("cannot make ", folder.path_), EEXIST);
}

NewFolder::NewFolder(NewFolder&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      fills_(other.fills_),
      temporary_(std::exchange(other.temporary_, "")),
      made_(std::exchange(other.made_, {})) {}

NewFolder::~NewFolder() {
  if (!temporary_.empty()) {
    std::error_code error;
    std::filesystem::remove_all(temporary_, error);
  }
  RemoveEmpty(made_);
}

int NewFolder::FillTarget() const {
  std::error_code error;
  std::vector<std::filesystem::path> found;
  for (std::filesystem::directory_iterator at(temporary_, error), end; !error && at != end; at.increment(error)) {
    found.push_back(at->path());
  }
  for (const std::filesystem::path& one : found) {
    if (const int failed = RenameToNew(one.string(), absl::StrCat(target_, "/", one.filename().string()));
        failed != 0) {
      return failed;
    }
  }
  return error ? error.value() : rmdir(temporary_.c_str()) == 0 ? 0 : errno;
}

absl::Status NewFolder::Commit() {
  int error = SyncFolder(temporary_);
  if (error == 0) {
    error = fills_ ? FillTarget() : RenameToNew(temporary_, target_);
  }
  if (error == 0) {
    temporary_.clear();
    made_.clear();
    error = SyncFolder(fills_ ? target_ : ParentOf(target_));
  }
  return error == 0 ? absl::OkStatus() : SystemError(absl::StrCat("cannot make ", path_), error);
}

}  // namespace metaprompt

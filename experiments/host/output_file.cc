#include "experiments/host/output_file.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/checksums.h"
#include "metaprompt/base/files.h"

namespace metaprompt {
namespace {

namespace fs = std::filesystem;

// Whether both exist and are the same file or folder.
bool AreSame(const std::string& a, const std::string& b) {
  struct stat first;
  struct stat second;
  return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

// Whether the file is the input, or is inside it at any depth.
bool BelongsTo(fs::path file, const std::string& input) {
  for (; !AreSame(file.string(), input); file = file.parent_path()) {
    if (!file.has_relative_path()) {
      return false;
    }
  }
  return true;
}

// Whether the SHA256SUMS in the file's folder, or in the folder above, lists the file. A SHA256SUMS that cannot be read
// counts as empty.
bool IsListed(const fs::path& file) {
  fs::path folder = file.parent_path();
  for (int level = 0; level < 2; ++level) {
    const absl::StatusOr<Checksums> sums = Checksums::Read(folder.string());
    if (sums.ok() && sums->Lists(file.lexically_relative(folder).string())) {
      return true;
    }
    folder = folder.parent_path();
  }
  return false;
}

}  // namespace

bool IsFileOrFolder(const std::string& path) {
  struct stat info;  // FinalPath does not follow a link to a descriptor, such as /dev/stdout
  return lstat(FinalPath(path).c_str(), &info) == 0 && (S_ISREG(info.st_mode) || S_ISDIR(info.st_mode));
}

absl::Status CheckOutput(const std::string& path, const std::vector<std::string>& inputs) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write ", path, ": it is a folder"));
  }
  const bool replaces = IsFileOrFolder(path);
  const fs::path target = fs::weakly_canonical(fs::absolute(FinalPath(path), error), error);
  const auto is_of = [&](const std::string& input) { return !input.empty() && BelongsTo(target, input); };
  if (replaces && std::any_of(inputs.begin(), inputs.end(), is_of)) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": this command reads that file; name another"));
  }
  if (IsListed(target)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot write ", path,
                                                   ": it is a file of a run or of a classifier (", kChecksumFile,
                                                   " lists it); name another"));
  }
  if (replaces && target.filename() == kChecksumFile) {
    return absl::InvalidArgumentError(
        absl::StrCat("cannot write ", path, ": it lists the files of a run or of a classifier; name another"));
  }
  return absl::OkStatus();
}

}  // namespace metaprompt

#include "metaprompt/base/files.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// Reads to the end, and calls `piece` with the bytes, in pieces. Returns 0 or errno.
int Drain(int fd, const std::function<void(absl::string_view)>& piece) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got == 0) {
      return 0;
    }
    if (got > 0) {
      piece({buffer.data(), static_cast<size_t>(got)});
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

absl::Status ReadPieces(const std::string& path, const std::function<void(absl::string_view)>& piece) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return SystemError(path, errno);
  }
  const int error = Drain(fd, piece);
  close(fd);
  return error == 0 ? absl::OkStatus() : SystemError(path, error);
}

int WriteAll(int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), bytes.size());
    if (put >= 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

constexpr int kMostLinks = 40;           // the kernel's limit
constexpr int kMostTemporaries = 10000;  // per process and file

// N for /proc/self/fd/N and /dev/fd/N, otherwise -1.
int DescriptorOf(absl::string_view path) {
  int fd = -1;
  const bool named = absl::ConsumePrefix(&path, "/proc/self/fd/") || absl::ConsumePrefix(&path, "/dev/fd/");
  return named && absl::SimpleAtoi(path, &fd) && fd >= 0 ? fd : -1;
}

constexpr char kTemporary[] = ".metaprompt.tmp.";  // is followed by PID.N; a name that nobody else gives

// Whether AtomicFile makes such names.
bool IsTemporary(absl::string_view name) {
  const size_t at = name.rfind(kTemporary);
  const std::vector<absl::string_view> numbers =
      absl::StrSplit(at == absl::string_view::npos ? "" : name.substr(at + std::strlen(kTemporary)), '.');
  return numbers.size() == 2 && std::all_of(numbers.begin(), numbers.end(), [](absl::string_view number) {
           return !number.empty() && std::all_of(number.begin(), number.end(), absl::ascii_isdigit);
         });
}

int Flush(int fd) { return fsync(fd) == 0 || errno == EINVAL || errno == EROFS ? 0 : errno; }

}  // namespace

absl::Status SystemError(absl::string_view what, int error) {
  const std::string message = absl::StrCat(what, ": ", std::strerror(error));
  if (error == ENOENT) {
    return absl::NotFoundError(message);
  }
  return error == ENOSPC || error == EDQUOT ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::string bytes;
  RETURN_IF_ERROR(ReadPieces(path, [&](absl::string_view piece) { bytes.append(piece.data(), piece.size()); }));
  return bytes;
}

absl::StatusOr<std::string> FileSha256(const std::string& path) {
  Sha256Stream hash;
  RETURN_IF_ERROR(ReadPieces(path, [&](absl::string_view piece) { hash.Add(piece); }));
  return hash.Finish();
}

std::string ParentOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string FinalPath(std::string path) {
  for (int links = 0; links < kMostLinks && DescriptorOf(path) < 0; ++links) {
    std::array<char, PATH_MAX> buffer;
    const ssize_t size = readlink(path.c_str(), buffer.data(), buffer.size());
    if (size <= 0) {
      break;  // not a link
    }
    const std::string to(buffer.data(), static_cast<size_t>(size));
    path = to[0] == '/' ? to : absl::StrCat(ParentOf(path), "/", to);
  }
  return path;
}

int SyncFolder(const std::string& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return errno == EACCES ? 0 : errno;  // a writable folder may not be readable
  }
  const int error = Flush(fd);
  close(fd);
  return error;
}

int RenameToNew(const std::string& from, const std::string& to) {
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return 0;
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return errno;
  }
  // The file system does not support this call.
  struct stat info;
  if (lstat(to.c_str(), &info) == 0) {
    return EEXIST;
  }
  return rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

void RemoveStaleTemporaries(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> found;
  for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    if (IsTemporary(at->path().filename().string())) {
      found.push_back(at->path().string());
    }
  }
  for (const std::string& path : found) {
    const int fd = open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat info;
    if (fd >= 0 && fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0) {
      unlink(path.c_str());
    }
    if (fd >= 0) {
      close(fd);
    }
  }
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents, BeforeRename before_rename) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path, std::move(before_rename)));
  RETURN_IF_ERROR(file.Write(contents));
  return file.Commit();
}

absl::StatusOr<AtomicFile> AtomicFile::Create(std::string path, BeforeRename before_rename) {
  AtomicFile file(std::move(path), std::move(before_rename));
  if (const int error = file.OpenAt(FinalPath(file.path_)); error != 0) {
    return file.Fail(error);
  }
  return file;
}

AtomicFile::AtomicFile(std::string path, BeforeRename before_rename)
    : path_(std::move(path)), before_rename_(std::move(before_rename)) {
  if (before_rename_ != nullptr) {
    hash_ = std::make_unique<Sha256Stream>();
  }
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)),
      target_(std::move(other.target_)),
      temporary_(std::exchange(other.temporary_, "")),
      fd_(std::exchange(other.fd_, -1)),
      before_rename_(std::move(other.before_rename_)),
      hash_(std::move(other.hash_)) {}

AtomicFile::~AtomicFile() { Discard(); }

int AtomicFile::OpenAt(const std::string& target) {
  target_ = target;
  if (const int descriptor = DescriptorOf(target); descriptor >= 0) {
    // Not opened again, because a second opening would have its own position in a file.
    fd_ = fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
    return fd_ < 0 ? errno : 0;
  }
  struct stat info;
  if (lstat(target.c_str(), &info) == 0 && S_ISLNK(info.st_mode)) {
    return ELOOP;
  }
  const bool exists = stat(target.c_str(), &info) == 0;
  if (exists && S_ISDIR(info.st_mode)) {
    return EISDIR;
  }
  if (exists && !S_ISREG(info.st_mode)) {
    fd_ = open(target.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC);
    return fd_ < 0 ? errno : 0;
  }
  // Replacing a file does not need the permission to write it, but a file without it is meant to stay.
  if (exists && faccessat(AT_FDCWD, target.c_str(), W_OK, AT_EACCESS) != 0) {
    return errno;
  }
  for (int i = 0; fd_ < 0 && i < kMostTemporaries; ++i) {
    const std::string name = absl::StrCat(target, kTemporary, getpid(), ".", i);
    fd_ = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd_ >= 0) {
      temporary_ = name;
    } else if (errno != EEXIST) {
      return errno;
    }
  }
  if (fd_ < 0) {
    return EEXIST;
  }
  flock(fd_, LOCK_EX | LOCK_NB);  // if the file system has no locks, only the name protects the file
  return !exists || fchmod(fd_, info.st_mode & 0777) == 0 || errno == EPERM ? 0 : errno;
}

void AtomicFile::Discard() {
  if (!temporary_.empty()) {
    unlink(temporary_.c_str());
    temporary_.clear();
  }
  if (fd_ >= 0) {
    close(std::exchange(fd_, -1));
  }
}

absl::Status AtomicFile::Fail(int error) {
  Discard();
  return SystemError(absl::StrCat("cannot write ", path_), error);
}

absl::Status AtomicFile::Write(absl::string_view bytes) {
  if (const int error = fd_ < 0 ? EBADF : WriteAll(fd_, bytes); error != 0) {
    return Fail(error);
  }
  if (hash_ != nullptr) {
    hash_->Add(bytes);
  }
  return absl::OkStatus();
}

absl::Status AtomicFile::Commit() {
  if (fd_ < 0) {
    return Fail(EBADF);
  }
  if (const int error = Flush(fd_); error != 0) {
    return Fail(error);
  }
  if (before_rename_ != nullptr) {
    if (absl::Status status = before_rename_(hash_->Finish()); !status.ok()) {
      Discard();
      return status;
    }
  }
  const bool renames = !temporary_.empty();
  if (renames && rename(temporary_.c_str(), target_.c_str()) != 0) {
    return Fail(errno);
  }
  temporary_.clear();
  if (close(std::exchange(fd_, -1)) != 0) {
    return Fail(errno);
  }
  const int error = renames ? SyncFolder(ParentOf(target_)) : 0;
  return error == 0 ? absl::OkStatus() : Fail(error);
}

absl::Status CheckFolder(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(
      absl::StrCat(path.empty() ? "''" : path,
                   ": no such folder here (a checkpoint is a folder on this machine; none is downloaded)"));
}

}  // namespace metaprompt

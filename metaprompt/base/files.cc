#include "metaprompt/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// Reads until the end into *out; 0 or errno.
int Drain(int fd, std::string* out) {
  std::array<char, 65536> buffer;
  while (true) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got == 0) {
      return 0;
    }
    if (got > 0) {
      out->append(buffer.data(), static_cast<size_t>(got));
    } else if (errno != EINTR) {
      return errno;
    }
  }
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
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return SystemError(path, errno);
  }
  std::string bytes;
  const int error = Drain(fd, &bytes);
  close(fd);
  if (error != 0) {
    return SystemError(path, error);
  }
  return bytes;
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents) {
  ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
  RETURN_IF_ERROR(file.Write(contents));
  return file.Commit();
}

absl::StatusOr<AtomicFile> AtomicFile::Create(std::string path) {
  std::string temporary = absl::StrCat(path, ".tmp.", getpid());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) {
    return SystemError(absl::StrCat("cannot write ", path), errno);
  }
  return AtomicFile(std::move(path), std::move(temporary), fd);
}

AtomicFile::AtomicFile(std::string path, std::string temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), fd_(std::exchange(other.fd_, -1)) {}

AtomicFile::~AtomicFile() {
  if (fd_ >= 0) {
    close(fd_);
    unlink(temporary_.c_str());
  }
}

absl::Status AtomicFile::Fail(int error) {
  if (fd_ >= 0) {
    close(fd_);
    fd_ = -1;
  }
  unlink(temporary_.c_str());
  return SystemError(absl::StrCat("cannot write ", path_), error);
}

absl::Status AtomicFile::Write(absl::string_view bytes) {
  const int error = fd_ < 0 ? EBADF : WriteAll(fd_, bytes);
  return error == 0 ? absl::OkStatus() : Fail(error);
}

absl::Status AtomicFile::Commit() {
  if (fd_ < 0) {
    return Fail(EBADF);
  }
  if (const int error = Flush(fd_); error != 0) {
    return Fail(error);
  }
  if (close(std::exchange(fd_, -1)) != 0 || rename(temporary_.c_str(), path_.c_str()) != 0) {
    return Fail(errno);
  }
  return absl::OkStatus();
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

#include "metaprompt/base/files.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

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
  absl::StatusOr<AtomicFile> file = AtomicFile::Create(path);
  if (!file.ok()) {
    return file.status();
  }
  if (const absl::Status status = file->Write(contents); !status.ok()) {
    return status;
  }
  return file->Commit();
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

absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments) {
  const std::string shown = absl::StrJoin(arguments, " ");
  std::array<int, 2> out;
  std::array<int, 2> err;
  if (pipe2(out.data(), O_CLOEXEC) != 0) {
    return SystemError(shown, errno);
  }
  if (pipe2(err.data(), O_CLOEXEC) != 0) {
    const int error = errno;
    close(out[0]);
    close(out[1]);
    return SystemError(shown, error);
  }
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(out[1], 1);
    dup2(err[1], 2);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  const int fork_error = errno;
  close(out[1]);
  close(err[1]);
  std::string output;
  std::string errors;
  if (child > 0) {
    // Both pipes are read as they fill, so that neither can block the child.
    std::array<pollfd, 2> fds = {pollfd{out[0], POLLIN, 0}, pollfd{err[0], POLLIN, 0}};
    std::array<std::string*, 2> sinks = {&output, &errors};
    int open_fds = 2;
    std::array<char, 65536> buffer;
    while (open_fds > 0 && (poll(fds.data(), fds.size(), -1) >= 0 || errno == EINTR)) {
      for (size_t i = 0; i < fds.size(); ++i) {
        if (fds[i].fd < 0 || fds[i].revents == 0) {
          continue;
        }
        const ssize_t got = read(fds[i].fd, buffer.data(), buffer.size());
        if (got > 0) {
          sinks[i]->append(buffer.data(), static_cast<size_t>(got));
        } else if (got == 0 || errno != EINTR) {
          fds[i].fd = -1;
          --open_fds;
        }
      }
    }
  }
  close(out[0]);
  close(err[0]);
  if (child < 0) {
    return SystemError(shown, fork_error);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return output;
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && errors.empty()) {
    return absl::NotFoundError(absl::StrCat("`", shown, "`: ", arguments[0], " is not installed"));
  }
  absl::string_view last = absl::StripTrailingAsciiWhitespace(errors);
  if (const size_t end_of_line = last.rfind('\n'); end_of_line != absl::string_view::npos) {
    last.remove_prefix(end_of_line + 1);
  }
  return absl::UnavailableError(absl::StrCat("`", shown, "` failed", last.empty() ? "" : ": ", last));
}

std::string Sha256(absl::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
  return absl::BytesToHexString(absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

absl::Status CheckUtf8(absl::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (size_t i = 0; i < text.size();) {
    const unsigned lead = byte(i);
    size_t length = 0;
    unsigned low = 0x80;
    unsigned high = 0xbf;  // bounds of the second byte
    if (lead < 0x80) {
      length = 1;
    } else if (lead >= 0xc2 && lead <= 0xdf) {
      length = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      length = 3;
      low = lead == 0xe0 ? 0xa0 : 0x80;   // no overlong form
      high = lead == 0xed ? 0x9f : 0xbf;  // no surrogate
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      length = 4;
      low = lead == 0xf0 ? 0x90 : 0x80;
      high = lead == 0xf4 ? 0x8f : 0xbf;  // nothing past U+10FFFF
    }
    bool good = length > 0 && (length < 2 || (byte(i + 1) >= low && byte(i + 1) <= high));
    for (size_t k = 2; good && k < length; ++k) {
      good = byte(i + k) >= 0x80 && byte(i + k) <= 0xbf;
    }
    if (!good) {
      return absl::InvalidArgumentError(absl::StrCat("not valid UTF-8 at byte ", i + 1));
    }
    i += length;
  }
  return absl::OkStatus();
}

std::string Quoted(absl::string_view text) {
  constexpr size_t kMost = 40;
  const bool cut = text.size() > kMost;
  return absl::StrCat("'", absl::CHexEscape(text.substr(0, kMost)), cut ? "...'" : "'");
}

}  // namespace metaprompt

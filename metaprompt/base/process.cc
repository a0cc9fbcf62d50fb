#include "metaprompt/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/files.h"

namespace metaprompt {

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

}  // namespace metaprompt

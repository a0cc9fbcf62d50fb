#include "metaprompt/base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <iostream>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// The arguments in the form that execv needs; valid as long as `arguments`.
std::vector<char*> Argv(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) {
    argv.push_back(const_cast<char*>(argument.c_str()));
  }
  argv.push_back(nullptr);
  return argv;
}

// The two ends of a pipe. The destructor closes those that are still open.
class Pipe {
 public:
  Pipe() = default;
  ~Pipe() {
    CloseReading();
    CloseWriting();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  absl::Status Open(const std::string& what) {
    return pipe2(ends_.data(), O_CLOEXEC) == 0 ? absl::OkStatus() : SystemError(what, errno);
  }
  int reading() const { return ends_[0]; }
  int writing() const { return ends_[1]; }
  void CloseReading() { Close(&ends_[0]); }
  void CloseWriting() { Close(&ends_[1]); }

 private:
  static void Close(int* end) {
    if (*end >= 0) {
      close(*end);
      *end = -1;
    }
  }

  std::array<int, 2> ends_ = {-1, -1};
};

// Reads both pipes to their ends, at the same time, so that the child never blocks because one of them is full.
void ReadBoth(const Pipe& out, const Pipe& err, std::string* output, std::string* errors) {
  std::array<pollfd, 2> fds = {pollfd{out.reading(), POLLIN, 0}, pollfd{err.reading(), POLLIN, 0}};
  std::array<std::string*, 2> sinks = {output, errors};
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

ProcessEnd EndOfStatus(int status) {
  ProcessEnd end;
  if (WIFEXITED(status)) {
    end.exit_status = WEXITSTATUS(status);
  } else {
    end.signal = WTERMSIG(status);
  }
  return end;
}

// Runs in a new child between fork and exec, so it may make only system calls.
[[noreturn]] void BecomeProgram(const char* program, char* const* argv, int log, pid_t parent) {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGUSR1, SIG_DFL);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGINT);
  if (getppid() != parent) {  // the parent ended before the line above
    _exit(1);
  }
  dup2(log, STDOUT_FILENO);
  dup2(log, STDERR_FILENO);
  execv(program, argv);
  constexpr char kNote[] = "error: cannot start the program\n";
  _exit(write(STDERR_FILENO, kNote, sizeof(kNote) - 1) < 0 ? 126 : 127);
}

}  // namespace

absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments) {
  const std::string shown = absl::StrJoin(arguments, " ");
  const std::vector<char*> argv = Argv(arguments);
  Pipe out;
  Pipe err;
  RETURN_IF_ERROR(out.Open(shown));
  RETURN_IF_ERROR(err.Open(shown));
  const pid_t child = fork();
  if (child < 0) {
    return SystemError(shown, errno);
  }
  if (child == 0) {
    dup2(out.writing(), STDOUT_FILENO);
    dup2(err.writing(), STDERR_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  out.CloseWriting();
  err.CloseWriting();
  std::string output;
  std::string errors;
  ReadBoth(out, err, &output, &errors);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const ProcessEnd end = EndOfStatus(status);
  if (end.signal == 0 && end.exit_status == 0) {
    return output;
  }
  if (end.signal == 0 && end.exit_status == 127 && errors.empty()) {
    return absl::NotFoundError(absl::StrCat("`", shown, "`: ", arguments[0], " is not installed"));
  }
  const std::string last = LastLine(errors);
  return absl::UnavailableError(absl::StrCat("`", shown, "` failed", last.empty() ? "" : ": ", last));
}

absl::StatusOr<pid_t> StartProgram(const std::string& program, const std::vector<std::string>& arguments,
                                   const std::string& log) {
  const std::vector<char*> argv = Argv(arguments);
  const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (file < 0) {
    return SystemError(log, errno);
  }
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) {
    BecomeProgram(program.c_str(), argv.data(), file, parent);
  }
  const int error = errno;
  close(file);
  return child < 0 ? SystemError("cannot start a process", error) : absl::StatusOr<pid_t>(child);
}

std::optional<ProcessEnd> EndOf(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, WNOHANG) != child) {
    return std::nullopt;
  }
  return EndOfStatus(status);
}

std::string LastLine(absl::string_view text) {
  text = absl::StripTrailingAsciiWhitespace(text);
  return std::string(text.substr(text.rfind('\n') + 1));
}

absl::StatusOr<MeasuredWork> InOwnProcess(const std::function<absl::StatusOr<double>()>& work) {
  Pipe pipe;
  RETURN_IF_ERROR(pipe.Open("cannot make a pipe"));
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) {
    return SystemError("cannot start a process", errno);
  }
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // if a signal ends the parent, the work ends too
    if (getppid() != parent) {
      _exit(1);
    }
    const absl::StatusOr<double> result = work();
    if (!result.ok()) {
      std::cerr << "error: " << std::string(result.status().message()) << std::endl;
      _exit(1);
    }
    _exit(write(pipe.writing(), &*result, sizeof(double)) == sizeof(double) ? 0 : 1);
  }
  pipe.CloseWriting();
  MeasuredWork measured;
  const bool reported = read(pipe.reading(), &measured.result, sizeof(double)) == sizeof(double);
  int status = 0;
  struct rusage usage = {};
  if (wait4(child, &status, 0, &usage) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0 || !reported) {
    return absl::InternalError("the measured process failed");
  }
  measured.peak_mib = static_cast<double>(usage.ru_maxrss) / 1024;
  return measured;
}

std::string ShellLine(const std::vector<std::string>& words) {
  return absl::StrJoin(words, " ", [](std::string* line, const std::string& word) {
    const bool plain = !word.empty() && word.find_first_of(" \t\n\"'$&|;<>(){}*?[]\\`!#~") == std::string::npos;
    absl::StrAppend(line, plain ? word : absl::StrCat("'", absl::StrReplaceAll(word, {{"'", "'\\''"}}), "'"));
  });
}

}  // namespace metaprompt

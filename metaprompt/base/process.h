// Child processes: other programs, started without a shell, and work in a copy of this process.
#ifndef METAPROMPT_BASE_PROCESS_H_
#define METAPROMPT_BASE_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace metaprompt {

// What a command prints on its standard output. `arguments` are passed as they are, without a shell. The error holds
// the command and the last line of its standard error.
absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments);

// Starts the program at the path `program` and does not wait for it. `arguments` begin with the name that the program
// sees as its own. Its standard output and error are appended to the file `log`. It has a process group of its own, so
// that Ctrl-C on the terminal does not reach it, default handlers for SIGINT and SIGTERM, and gets SIGINT when this
// process ends.
absl::StatusOr<pid_t> StartProgram(const std::string& program, const std::vector<std::string>& arguments,
                                   const std::string& log);

// How a child process ended.
struct ProcessEnd {
  int exit_status = 0;  // where signal is 0
  int signal = 0;       // that ended it; 0: it exited
};

// How the child ended, once it has; nothing while it runs. A child is reported once.
std::optional<ProcessEnd> EndOf(pid_t child);

struct MeasuredWork {
  double result = 0;
  double peak_mib = 0;  // largest resident set of the process that did the work
};

// Does `work` in a copy of this process, which must not have threads yet, and waits. An error of `work` is printed on
// the standard error; the error here tells only that the work failed.
absl::StatusOr<MeasuredWork> InOwnProcess(const std::function<absl::StatusOr<double>()>& work);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_PROCESS_H_

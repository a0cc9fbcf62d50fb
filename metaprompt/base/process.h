// Child processes: other programs, which are started without a shell, and work in a copy of this process.
#ifndef METAPROMPT_BASE_PROCESS_H_
#define METAPROMPT_BASE_PROCESS_H_

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Runs a command and returns its standard output. `arguments` are passed unchanged, without a shell. The error contains
// the command and the last line of its standard error.
absl::StatusOr<std::string> CommandOutput(const std::vector<std::string>& arguments);

// Starts the program at the path `program` and does not wait for it. arguments[0] becomes the program's argv[0]. Its
// standard output and error are appended to the file `log`. It runs in a new process group, so that Ctrl-C on the
// terminal does not reach it. It has the default handlers of SIGINT and SIGTERM, and receives SIGINT when this process
// ends.
absl::StatusOr<pid_t> StartProgram(const std::string& program, const std::vector<std::string>& arguments,
                                   const std::string& log);

// How a child process ended.
struct ProcessEnd {
  int exit_status = 0;  // valid if signal is 0
  int signal = 0;       // the signal that ended it; 0: it exited
};

// How the child ended; nothing while it runs. A child's end is returned only once.
std::optional<ProcessEnd> EndOf(pid_t child);

// The words as a line of a shell, quoted where they must be.
std::string ShellLine(const std::vector<std::string>& words);

// The last line of what a program printed that is not blank; empty if there is none.
std::string LastLine(absl::string_view text);

struct MeasuredWork {
  double result = 0;
  double peak_mib = 0;  // peak resident memory of the process that did the work
};

// Does `work` in a copy of this process, and waits for it. This process must not have started threads. If `work` fails,
// its error is printed to standard error, and the returned error is a general one.
absl::StatusOr<MeasuredWork> InOwnProcess(const std::function<absl::StatusOr<double>()>& work);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_PROCESS_H_

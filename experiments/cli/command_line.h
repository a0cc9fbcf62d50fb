// The `metaprompt` command.
#ifndef EXPERIMENTS_CLI_COMMAND_LINE_H_
#define EXPERIMENTS_CLI_COMMAND_LINE_H_

#include <atomic>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace metaprompt {

struct Console {
  std::ostream* out = nullptr;  // results
  std::ostream* err = nullptr;  // progress and errors
  bool terminal = false;        // err is one
  const std::atomic<bool>* stop = nullptr;
  std::istream* in = nullptr;  // texts, for the commands that read some
};

// Runs a command, `arguments` without the program's name. Returns the exit status: 0; 1 when something in the world is
// wrong, with one error on `err`; 2 when the command line is; 130 when stopped.
int RunCommand(const std::vector<std::string>& arguments, const Console& console);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_COMMAND_LINE_H_

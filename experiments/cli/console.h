// The streams that a command reads and writes.
#ifndef EXPERIMENTS_CLI_CONSOLE_H_
#define EXPERIMENTS_CLI_CONSOLE_H_

#include <atomic>
#include <istream>
#include <ostream>

namespace metaprompt {

struct Console {
  std::ostream* out = nullptr;              // results
  std::ostream* err = nullptr;              // progress and errors
  bool terminal = false;                    // whether err is a terminal
  const std::atomic<bool>* stop = nullptr;  // set: save and end
  std::istream* in = nullptr;               // text, for the commands that read it
  bool out_terminal = false;                // whether out is a terminal
};

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_CONSOLE_H_

// The commands of the program: each has a name, options and an action.
#ifndef EXPERIMENTS_CLI_COMMANDS_H_
#define EXPERIMENTS_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <fstream>
#include <functional>
#include <istream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "experiments/cli/console.h"

namespace metaprompt {

// Remembers which command the command line chose. Options live in the actions: make them with std::make_shared and
// capture the pointer by value.
class Commands {
 public:
  using Action = std::function<absl::Status(const Console&)>;

  explicit Commands(CLI::App* app) : app_(app) {}

  // Adds a command to the program, or to `parent`. `help` is one line.
  CLI::App* Add(const std::string& name, const std::string& help, Action action, CLI::App* parent = nullptr);
  // Adds a command that only holds others.
  CLI::App* AddGroup(const std::string& name, const std::string& help);

  // The action of the chosen command; call it after parsing.
  const Action& chosen() const { return chosen_; }
  // Whether progress and remarks are not wanted. Errors are printed all the same.
  bool quiet() const { return quiet_; }

 private:
  CLI::App* app_;
  Action chosen_;
  bool quiet_ = false;
};

// A spec file with changes to it.
struct SpecOptions {
  std::string file;
  std::vector<std::string> sets;  // FIELD=VALUE
};

// Adds the argument SPEC and the option --set.
void AddSpecOptions(bool required, CLI::App* command, SpecOptions* options);
// Adds --set alone; `help` says what it changes.
void AddSetOption(const std::string& help, CLI::App* command, std::vector<std::string>* sets);
// Adds --json.
void AddJsonOption(const std::string& help, CLI::App* command, bool* json);
// Adds --threads; 0 if it is not given.
void AddThreadsOption(CLI::App* command, int* threads);

// For a real-valued option: a finite number within [least, most]. (CLI::Range lets nan pass.)
CLI::Validator FiniteRange(double least, double most);
// For an option that takes any of the 2^64 whole numbers from 0, as a seed. (Without it, CLI11 takes -1 too, and
// numbers that are too large.)
CLI::Validator WholeNumber();

// Lines of text: the file at `path`, opened in `file`, or, if `path` is empty, the console's input.
absl::Status OpenLines(const std::string& path, const Console& console, std::ifstream* file, std::istream** lines);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_COMMANDS_H_

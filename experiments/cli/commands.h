// The commands of the program: each has a name, options and an action.
#ifndef EXPERIMENTS_CLI_COMMANDS_H_
#define EXPERIMENTS_CLI_COMMANDS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <fstream>
#include <functional>
#include <istream>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "datasets/readers/known_columns.h"
#include "experiments/cli/console.h"
#include "experiments/watching/run_events.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// Facts about a command that main needs before the command line is parsed.
struct CommandFacts {
  bool best_kernel = false;    // multiplies so many matrices that it is worth starting again with UseBestBlasKernel
  bool hears_signals = false;  // saves and ends by itself at a signal; see HearStopSignals
};

// The commands, and which of them the command line chose. An action must own its options: make them with
// std::make_shared and capture the pointer by value.
class Commands {
 public:
  using Action = std::function<absl::Status(const Console&)>;

  explicit Commands(CLI::App* app) : app_(app) {}

  // Adds a command to the program, or to `parent`. `help` is one line.
  CLI::App* Add(const std::string& name, const std::string& help, Action action, CommandFacts facts = {},
                CLI::App* parent = nullptr);
  // Adds a command that only groups others.
  CLI::App* AddGroup(const std::string& name, const std::string& help);

  // The action of the chosen command; call it after parsing.
  const Action& chosen() const { return chosen_; }
  // The facts about the command with that name; the defaults if the name is not known.
  CommandFacts FactsOf(const std::string& name) const;
  // Whether the user wants no progress lines and remarks. Errors are printed in any case.
  bool quiet() const { return quiet_; }

 private:
  CLI::App* app_;
  std::map<std::string, CommandFacts> facts_;  // by name
  Action chosen_;
  bool quiet_ = false;
};

// A spec file with changes to it.
struct SpecOptions {
  std::string file;
  std::vector<std::string> sets;  // FIELD=VALUE
};

// The help text of SPEC for commands that read an ExperimentSpec.
inline constexpr char kExperimentSpecHelp[] = "Experiment spec, a text protobuf; `metaprompt spec` lists its fields";

// Adds the argument SPEC, with this help, and the option --set.
void AddSpecOptions(const std::string& help, bool required, CLI::App* command, SpecOptions* options);
// Adds --set alone, with this help.
void AddSetOption(const std::string& help, CLI::App* command, std::vector<std::string>* sets);

// A spec, and the folder for its results.
struct RunFolderOptions {
  SpecOptions spec;
  std::string out;
  bool allow_other_environment = false;
  EventsOption events;
};

// Adds --tensorboard. `where`: what the folder is that it names.
void AddEventsOption(const std::string& where, CLI::App* command, EventsOption* events);

// Adds SPEC, --set, --out, --allow-other-environment and --tensorboard. `spec_help`: the help text of SPEC; `what`:
// what --out names.
void AddRunFolderOptions(const std::string& spec_help, const std::string& what, CLI::App* command,
                         RunFolderOptions* options);
// The folder that --out names, or else runs/NAME-seedSEED.
std::string FolderOf(const RunFolderOptions& options, const std::string& name, uint64_t seed);

// OK if every file and folder that the spec names exists. `file`: the spec's own.
absl::Status CheckPathsExist(const std::string& file, const google::protobuf::Message& spec);

// Adds --json.
void AddJsonOption(const std::string& help, CLI::App* command, bool* json);
// Adds --threads; 0 if it is not given.
void AddThreadsOption(CLI::App* command, int* threads);

// For a real-valued option: a finite number within [least, most]. (CLI::Range lets nan pass.)
CLI::Validator FiniteRange(double least, double most);
// For an option whose value is a whole number from 0 to 2^64 - 1, such as a seed. (Without it, CLI11 accepts -1 and
// numbers that are too large.)
CLI::Validator WholeNumber();

// Adds --label-column, --text-column and --text-b-column, for a user's file of labelled texts.
void AddColumnOptions(CLI::App* command, ColumnNames* columns);

// Lines of text that a command reads.
struct InputLines {
  std::ifstream file;  // open, unless the standard input is read
  std::istream* in = nullptr;
  std::string name;  // in errors
};

// Adds the argument FILE. `help` describes the texts.
void AddTextFile(const std::string& help, CLI::App* command, std::string* file);
// Opens the file at `path`, or, if `path` is empty or -, the console's input, whose name is "the standard input".
absl::Status OpenLines(const std::string& path, const Console& console, InputLines* lines);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_COMMANDS_H_

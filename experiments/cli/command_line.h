// The `metaprompt` program's command line.
#ifndef EXPERIMENTS_CLI_COMMAND_LINE_H_
#define EXPERIMENTS_CLI_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "experiments/cli/commands.h"
#include "experiments/cli/console.h"

namespace metaprompt {

// The facts about a command, such as `run`, that main needs before the program starts threads.
CommandFacts FactsOfCommand(const std::string& name);

// Runs a command; `arguments` are those after the program's name. Returns the exit status:
//   0    it succeeded;
//   1    a file, a spec or the data are wrong; one error is on `err`;
//   2    the command line is wrong;
//   130  it was stopped.
int RunCommand(const std::vector<std::string>& arguments, const Console& console);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_COMMAND_LINE_H_

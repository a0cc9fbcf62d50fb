// Commands that make runs and show their results: run, sweep, show, report.
#ifndef EXPERIMENTS_CLI_RUN_COMMANDS_H_
#define EXPERIMENTS_CLI_RUN_COMMANDS_H_

#include "experiments/cli/commands.h"

namespace metaprompt {

void RegisterRunCommands(Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_RUN_COMMANDS_H_

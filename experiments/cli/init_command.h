// The command that writes a first spec: init.
#ifndef EXPERIMENTS_CLI_INIT_COMMAND_H_
#define EXPERIMENTS_CLI_INIT_COMMAND_H_

#include "experiments/cli/commands.h"

namespace metaprompt {

void RegisterInitCommand(Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_INIT_COMMAND_H_

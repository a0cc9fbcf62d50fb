// Commands that inspect a spec and its data: check, spec, episodes, datasets.
#ifndef EXPERIMENTS_CLI_SPEC_COMMANDS_H_
#define EXPERIMENTS_CLI_SPEC_COMMANDS_H_

#include "experiments/cli/commands.h"

namespace metaprompt {

void RegisterSpecCommands(Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_SPEC_COMMANDS_H_

// Commands that use an encoder or a run on texts: encode, tokenize, classify, export.
#ifndef EXPERIMENTS_CLI_MODEL_COMMANDS_H_
#define EXPERIMENTS_CLI_MODEL_COMMANDS_H_

#include "experiments/cli/commands.h"

namespace metaprompt {

void RegisterModelCommands(Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_MODEL_COMMANDS_H_

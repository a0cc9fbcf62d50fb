// The command `finetune`.
#ifndef EXPERIMENTS_CLI_FINE_TUNE_COMMAND_H_
#define EXPERIMENTS_CLI_FINE_TUNE_COMMAND_H_

#include "experiments/cli/commands.h"

namespace metaprompt {

void RegisterFineTuneCommand(Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_FINE_TUNE_COMMAND_H_

// Commands that train on texts instead of tasks: pretrain, finetune.
#ifndef EXPERIMENTS_CLI_TRAINING_COMMANDS_H_
#define EXPERIMENTS_CLI_TRAINING_COMMANDS_H_

#include "experiments/cli/commands.h"

namespace metaprompt {

void RegisterTrainingCommands(Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_TRAINING_COMMANDS_H_

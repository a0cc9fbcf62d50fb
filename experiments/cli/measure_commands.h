// Commands that measure the program and the machine: bench, sinusoid, doctor.
#ifndef EXPERIMENTS_CLI_MEASURE_COMMANDS_H_
#define EXPERIMENTS_CLI_MEASURE_COMMANDS_H_

#include "experiments/cli/commands.h"

namespace metaprompt {

void RegisterMeasureCommands(Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_MEASURE_COMMANDS_H_

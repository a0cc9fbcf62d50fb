// Shell completions and a man page for the program, from the same descriptions as --help.
#ifndef EXPERIMENTS_CLI_DESCRIBE_PROGRAM_H_
#define EXPERIMENTS_CLI_DESCRIBE_PROGRAM_H_

#include <CLI/CLI.hpp>
#include <string>

#include "experiments/cli/commands.h"

namespace metaprompt {

// Scripts for bash and zsh that complete commands and options, and otherwise file names.
std::string BashCompletion(const CLI::App& app);
std::string ZshCompletion(const CLI::App& app);

// A page for man(1), in troff.
std::string ManPage(const CLI::App& app);

// Adds the command that prints the completions and the man page; `app` must outlive its action.
void RegisterCompletion(const CLI::App* app, Commands* commands);

}  // namespace metaprompt

#endif  // EXPERIMENTS_CLI_DESCRIBE_PROGRAM_H_

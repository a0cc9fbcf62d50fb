#include "experiments/cli/command_line.h"

#include <c10/util/Exception.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <ostream>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/cli/commands.h"
#include "experiments/cli/describe_program.h"
#include "experiments/cli/init_command.h"
#include "experiments/cli/measure_commands.h"
#include "experiments/cli/model_commands.h"
#include "experiments/cli/run_commands.h"
#include "experiments/cli/spec_commands.h"
#include "experiments/cli/training_commands.h"
#include "experiments/host/environment.h"
#include "metaprompt/base/text.h"

namespace metaprompt {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kStopped = 130;

int ExitStatus(const absl::Status& status, const Console& console) {
  if (status.ok()) {
    if (console.out->flush().good()) {
      return 0;
    }
    // The write that failed may have been an earlier one, so `errno` is stale; a second attempt sets it.
    console.out->clear();
    errno = 0;
    console.out->flush();
    *console.err << "error: cannot write to the standard output"
                 << (errno == 0 ? "" : absl::StrCat(": ", std::strerror(errno))) << '\n';
    return kFailed;
  }
  if (absl::IsCancelled(status)) {
    *console.err << std::string(status.message()) << '\n';
    return kStopped;
  }
  *console.err << "error: " << std::string(status.message()) << '\n';
  return kFailed;
}

// One line that says what is wrong with the command line and which --help to read.
std::string UsageError(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* at = &app;
  std::string command = app.get_name();
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    absl::StrAppend(&command, " ", at->get_name());
  }
  std::string what = error.what();
  if (const std::vector<const CLI::App*> known = at->get_subcommands({}); !known.empty()) {
    const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
    what = absl::StrCat(rest.empty() ? "a command is missing" : absl::StrCat("there is no command ", Quoted(rest[0])),
                        "; known: ", absl::StrJoin(known, ", ", [](std::string* out, const CLI::App* sub) {
                          absl::StrAppend(out, sub->get_name());
                        }));
  }
  return absl::StrCat("error: ", what, "; see `", command, " --help`\n");
}

// Without this check, an empty value would count as if the option were not given. Usually it comes from an unset
// variable of a script.
void CheckNoEmptyValues(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    const std::vector<std::string>& values = option->results();
    if (std::find(values.begin(), values.end(), "") != values.end()) {
      throw CLI::ValidationError(option->get_name(), "the value is empty");
    }
  }
  for (const CLI::App* chosen : app.get_subcommands()) {
    CheckNoEmptyValues(*chosen);
  }
}

void RegisterAll(CLI::App* app, Commands* commands) {
  RegisterRunCommands(commands);
  RegisterTrainingCommands(commands);
  RegisterSpecCommands(commands);
  RegisterInitCommand(commands);
  RegisterModelCommands(commands);
  RegisterMeasureCommands(commands);
  RegisterCompletion(app, commands);
}

}  // namespace

CommandFacts FactsOfCommand(const std::string& name) {
  CLI::App app;
  Commands commands(&app);
  RegisterAll(&app, &commands);
  return commands.FactsOf(name);
}

int RunCommand(const std::vector<std::string>& arguments, const Console& console) {
  CLI::App app("metaprompt: learn where a soft prompt should start, so that a few labelled texts go far.",
               "metaprompt");
  app.require_subcommand(1);
  app.set_help_all_flag("--help-all", "Help for every command");
  app.set_version_flag("--version", absl::StrCat("metaprompt ", ProgramVersion()), "Print the version");
  Commands commands(&app);
  RegisterAll(&app, &commands);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
    CheckNoEmptyValues(app);
    std::ostream nowhere(nullptr);
    Console inside = console;
    inside.err = commands.quiet() ? &nowhere : console.err;
    return ExitStatus(commands.chosen()(inside), console);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0 && app.remaining(/*recurse=*/true).empty()) {  // a request for help
      app.exit(error, *console.out, *console.err);
      return ExitStatus(absl::OkStatus(), console);
    }
    *console.err << UsageError(app, error);
    return kUsage;
  } catch (const c10::Error& error) {
    *console.err << "internal error: " << error.what_without_backtrace() << '\n';
  } catch (const std::exception& error) {
    *console.err << "internal error: " << error.what() << '\n';
  }
  return kFailed;
}

}  // namespace metaprompt

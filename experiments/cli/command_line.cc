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
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "experiments/cli/commands.h"
#include "experiments/cli/describe_program.h"
#include "experiments/cli/init_command.h"
#include "experiments/cli/measure_commands.h"
#include "experiments/cli/model_commands.h"
#include "experiments/cli/run_commands.h"
#include "experiments/cli/spec_commands.h"
#include "experiments/cli/training_commands.h"
#include "experiments/host/environment.h"
#include "metaprompt/base/nearest_name.h"
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

// A hint for the first of the arguments that the command does not expect: the option that was probably meant, or the
// flag before it that has no value. Empty: there is none. `arguments` is the whole command line.
std::string HintForExtra(const CLI::App& command, const std::string& extra, const std::vector<std::string>& arguments) {
  if (absl::StartsWith(extra, "--")) {
    std::vector<std::string> known;
    for (const CLI::Option* const option : command.get_options()) {
      known.insert(known.end(), option->get_lnames().begin(), option->get_lnames().end());
    }
    const std::string meant = NearestName(absl::string_view(extra).substr(2, extra.find('=') - 2), known);
    return meant.empty() ? "" : absl::StrCat("; did you mean --", meant, "?");
  }
  // The word after a flag may have become an argument, and a later word is then one too many.
  for (size_t i = 1; i < arguments.size(); ++i) {
    const CLI::Option* const before =
        absl::StartsWith(arguments[i - 1], "--") ? command.get_option_no_throw(arguments[i - 1]) : nullptr;
    if (before == nullptr || before->get_items_expected_max() > 0 || absl::StartsWith(arguments[i], "-")) {
      continue;
    }
    const bool may_have_value = absl::StrContains(before->get_description(), arguments[i - 1] + "=");
    return absl::StrCat("; ", arguments[i - 1],
                        may_have_value
                            ? absl::StrCat(" takes a value only after =, as in ", arguments[i - 1], "=", arguments[i])
                            : absl::StrCat(" takes no value"));
  }
  return "";
}

// One line that states what is wrong with the command line and which --help to read.
std::string UsageError(const CLI::App& app, const CLI::ParseError& error, const std::vector<std::string>& arguments) {
  const CLI::App* at = &app;
  std::string command = app.get_name();
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    absl::StrAppend(&command, " ", at->get_name());
  }
  std::string what = error.what();
  const std::vector<std::string> rest = app.remaining(/*recurse=*/true);
  if (const std::vector<const CLI::App*> known = at->get_subcommands({}); known.empty()) {
    if (!rest.empty() && absl::StartsWith(rest[0], "--") && !absl::StrContains(what, rest[0])) {
      what = absl::StrCat("The following argument was not expected: ", rest[0]);  // why another one is missing
    }
    absl::StrAppend(&what, rest.empty() ? "" : HintForExtra(*at, rest[0], arguments));
  } else {
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

// The first argument such as --keep=, without the =; empty if there is none. CLI11 would take the next argument as the
// value.
std::string OptionWithoutValue(const std::vector<std::string>& arguments) {
  const auto found = std::find_if(arguments.begin(), arguments.end(), [](const std::string& argument) {
    return absl::StartsWith(argument, "--") && argument.find('=') == argument.size() - 1;
  });
  return found == arguments.end() ? "" : std::string(absl::StripSuffix(*found, "="));
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
  const std::string empty = OptionWithoutValue(arguments);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    app.parse(std::move(reversed));
    if (!empty.empty()) {
      throw CLI::ValidationError(empty, "the value is empty");
    }
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
    *console.err << UsageError(app, empty.empty() ? error : CLI::ValidationError(empty, "the value is empty"),
                               arguments);
    return kUsage;
  } catch (const c10::Error& error) {
    *console.err << "internal error: " << error.what_without_backtrace() << '\n';
  } catch (const std::exception& error) {
    *console.err << "internal error: " << error.what() << '\n';
  }
  return kFailed;
}

}  // namespace metaprompt

#include "experiments/cli/commands.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/text.h"
#include "metaprompt/specs/field_rules.h"

namespace metaprompt {

CLI::App* Commands::Add(const std::string& name, const std::string& help, Action action, CommandFacts facts,
                        CLI::App* parent) {
  if (parent == nullptr) {
    facts_[name] = facts;
  }
  CLI::App* const command = (parent == nullptr ? app_ : parent)->add_subcommand(name, help);
  command->add_flag("--quiet", quiet_, "Print no progress, only results and errors");
  command->callback([this, action = std::move(action)] { chosen_ = action; });
  return command;
}

CommandFacts Commands::FactsOf(const std::string& name) const {
  const auto found = facts_.find(name);
  return found == facts_.end() ? CommandFacts() : found->second;
}

CLI::App* Commands::AddGroup(const std::string& name, const std::string& help) {
  CLI::App* const group = app_->add_subcommand(name, help);
  group->require_subcommand(1);
  return group;
}

void AddSpecOptions(const std::string& help, bool required, CLI::App* command, SpecOptions* options) {
  command->add_option("SPEC", options->file, help)->required(required);
  AddSetOption("Change a field of the spec, as in seed=1 or train.validate_every=10; may be repeated", command,
               &options->sets);
}

void AddSetOption(const std::string& help, CLI::App* command, std::vector<std::string>* sets) {
  command->add_option("--set", *sets, help)->allow_extra_args(false)->type_name("FIELD=VALUE");
}

void AddEventsOption(const std::string& where, CLI::App* command, EventsOption* events) {
  // A flag that may have a value, so that in `--tensorboard SPEC` the second word stays an argument. The value in
  // braces is the one that it has without =DIR.
  static constexpr char kWithoutFolder[] = "RUN/tensorboard";
  const std::string help = absl::StrCat("Also write event files for TensorBoard; --tensorboard=DIR names ", where);
  command->add_flag(absl::StrCat("--tensorboard{", kWithoutFolder, "}"), help)
      ->each([events](const std::string& folder) {
        events->on = true;
        events->folder = folder == kWithoutFolder ? "" : folder;
      });
}

void AddRunFolderOptions(const std::string& spec_help, const std::string& what, CLI::App* command,
                         RunFolderOptions* options) {
  AddSpecOptions(spec_help, /*required=*/true, command, &options->spec);
  command->add_option("--out", options->out, what + ", new or of the stopped run [runs/NAME-seedSEED]");
  command->add_flag("--allow-other-environment", options->allow_other_environment,
                    "Continue a run even if LibTorch, BLAS or its kernel are not those with which it began; "
                    "environment.textproto then lists what differs");
  AddEventsOption("the folder for them", command, &options->events);
}

std::string FolderOf(const RunFolderOptions& options, const std::string& name, uint64_t seed) {
  return options.out.empty() ? absl::StrCat("runs/", name, "-seed", seed) : options.out;
}

void AddJsonOption(const std::string& help, CLI::App* command, bool* json) { command->add_flag("--json", *json, help); }

void AddThreadsOption(CLI::App* command, int* threads) {
  command->add_option("--threads", *threads, "Number of processor threads [one per core]")->check(CLI::Range(1, 1024));
}

CLI::Validator FiniteRange(double least, double most) {
  return CLI::Validator(
      [least, most](std::string& text) {
        double value = 0;
        const bool within = absl::SimpleAtod(text, &value) && value >= least && value <= most;  // false for nan
        return within ? std::string() : absl::StrCat("Value ", text, " not in range ", least, " to ", most);
      },
      absl::StrCat("NUMBER in [", least, " - ", most, "]"));
}

absl::Status CheckPathsExist(const std::string& file, const google::protobuf::Message& spec) {
  for (const std::string& path : PathsIn(spec)) {
    std::error_code error;
    if (!path.empty() && !std::filesystem::exists(path, error)) {
      return absl::NotFoundError(
          absl::StrCat(file, ": ", OneLine(path), ": ", error ? error.message() : "No such file or directory"));
    }
  }
  return absl::OkStatus();
}

CLI::Validator WholeNumber() {
  return CLI::Validator(
      [](std::string& text) {
        uint64_t value = 0;
        const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
        return digits && absl::SimpleAtoi(text, &value)
                   ? std::string()
                   : absl::StrCat("Value ", text, " is not a whole number from 0 to ",
                                  std::numeric_limits<uint64_t>::max());
      },
      "SEED");
}

void AddColumnOptions(CLI::App* command, ColumnNames* columns) {
  command
      ->add_option("--label-column", columns->label,
                   "Column of the labels, by name or number [found by its name or contents]")
      ->type_name("COLUMN");
  command->add_option("--text-column", columns->text, "Column of the texts [found in the same way]")
      ->type_name("COLUMN");
  command
      ->add_option("--text-b-column", columns->text_b,
                   "Column of the second texts, if examples are pairs [found by its name]")
      ->type_name("COLUMN");
}

void AddTextFile(const std::string& help, CLI::App* command, std::string* file) {
  command->add_option("FILE", *file, help + " [-: the standard input]");
}

absl::Status OpenLines(const std::string& path, const Console& console, InputLines* lines) {
  if (path.empty() || path == "-") {
    lines->in = console.in;
    lines->name = "the standard input";
    return absl::OkStatus();
  }
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {  // it can be opened, and reading it fails later
    return absl::InvalidArgumentError(absl::StrCat(path, ": Is a directory"));
  }
  lines->file.open(path, std::ios::binary);
  if (!lines->file.good()) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  lines->in = &lines->file;
  lines->name = path;
  return absl::OkStatus();
}

}  // namespace metaprompt

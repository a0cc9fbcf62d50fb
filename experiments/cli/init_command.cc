#include "experiments/cli/init_command.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "experiments/host/output_file.h"
#include "experiments/own_texts/init_spec.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

struct InitCommand {
  InitOptions init;
  std::string out;
  bool list = false;
};

absl::Status Init(const InitCommand& command, const Console& console) {
  if (command.list) {
    *console.out << InitKinds();
    return absl::OkStatus();
  }
  if (command.init.data.empty()) {
    return absl::InvalidArgumentError("--data FILE is missing: your labelled texts; --list shows the templates");
  }
  if (!command.out.empty()) {
    RETURN_IF_ERROR(CheckOutput(command.out, {command.init.data}));
    if (IsFileOrFolder(command.out)) {
      return absl::AlreadyExistsError(absl::StrCat(command.out, ": this file is there already; name another"));
    }
  }
  ASSIGN_OR_RETURN(const std::string text, InitSpec(command.init));
  if (command.out.empty()) {
    *console.out << text;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(WriteFileAtomically(command.out, text));
  if (!IsFileOrFolder(command.out)) {
    return absl::OkStatus();  // the spec went to a descriptor, a device or a pipe
  }
  *console.out << command.out << ": written; look at it, then: metaprompt run " << command.out << '\n';
  return absl::OkStatus();
}

}  // namespace

void RegisterInitCommand(Commands* commands) {
  auto command = std::make_shared<InitCommand>();
  CLI::App* init = commands->Add("init", "Write a first spec for your own file of labelled texts, with comments",
                                 [command](const Console& console) { return Init(*command, console); });
  init->add_option("--data", command->init.data, "Labelled texts: CSV, TSV, JSON lines or `label<TAB>text` lines")
      ->type_name("FILE");
  init->add_option("--encoder", command->init.encoder,
                   "Checkpoint to start from, a Hugging Face folder [a small encoder with random weights]")
      ->type_name("DIR");
  init->add_option("--template", command->init.kind, "Kind of experiment; --list shows them [prototypes]")
      ->type_name("NAME");
  init->add_flag("--list", command->list, "List the templates, and do nothing else");
  init->add_option("--out", command->out, "File to write [the standard output]")->type_name("FILE");
  AddColumnOptions(init, &command->init.columns);
}

}  // namespace metaprompt

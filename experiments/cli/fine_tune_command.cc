#include "experiments/cli/fine_tune_command.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "experiments/fine_tuning/fine_tune.h"
#include "experiments/fine_tuning/fine_tuning_record.h"
#include "experiments/fine_tuning/fine_tuning_spec.h"
#include "experiments/host/progress.h"
#include "experiments/runs/run_inputs.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

struct FineTuneOptions {
  SpecOptions spec;
  std::string out;
  bool check = false;
  bool allow_other_environment = false;
};

absl::Status Run(const FineTuneOptions& options, const Console& console) {
  ASSIGN_OR_RETURN(const FineTuningSpec spec, LoadFineTuningSpec(options.spec.file, options.spec.sets));
  if (options.check) {
    *console.out << SpecText(spec);
    return absl::OkStatus();
  }
  const std::string out = options.out.empty() ? absl::StrCat("runs/", spec.name(), "-seed", spec.seed()) : options.out;
  RETURN_IF_ERROR(UseKernelsOfRun(out));
  Progress progress(console.err, console.terminal);
  ASSIGN_OR_RETURN(const FineTuningRecord record,
                   FineTune(spec, out, &progress, *console.stop, options.allow_other_environment));
  *console.out << '\n' << FineTuningTable(record) << "\nrecord: " << out << "/" << kFineTuningFile << '\n';
  return absl::OkStatus();
}

}  // namespace

void RegisterFineTuneCommand(Commands* commands) {
  auto options = std::make_shared<FineTuneOptions>();
  CLI::App* command = commands->Add(
      "finetune", "Fine-tune an encoder as a classifier on a whole data set; continues a run that was stopped",
      [options](const Console& console) { return Run(*options, console); });
  AddSpecOptions(/*required=*/true, command, &options->spec);
  command->add_option("--out", options->out, "Folder of the encoder, new or of the stopped run [runs/NAME-seedSEED]");
  command->add_flag("--check", options->check, "Check the spec, print it with every default, and stop");
  command->add_flag("--allow-other-environment", options->allow_other_environment,
                    "Continue a run where LibTorch, BLAS or its kernel differ from where it began; this is noted");
}

}  // namespace metaprompt

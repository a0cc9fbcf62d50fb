#include "experiments/cli/training_commands.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "experiments/host/progress.h"
#include "experiments/pretraining/pretrain.h"
#include "experiments/pretraining/pretraining_record.h"
#include "experiments/pretraining/pretraining_spec.h"
#include "experiments/runs/run_inputs.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

struct PretrainOptions {
  SpecOptions spec;
  std::string out;
  bool allow_other_environment = false;
  bool check = false;
};

absl::Status RunPretraining(const PretrainOptions& options, const Console& console) {
  ASSIGN_OR_RETURN(const PretrainingSpec spec, LoadPretrainingSpec(options.spec.file, options.spec.sets));
  if (options.check) {
    *console.out << SpecText(spec);
    return absl::OkStatus();
  }
  const std::string out = options.out.empty() ? absl::StrCat("runs/", spec.name(), "-seed", spec.seed()) : options.out;
  RETURN_IF_ERROR(UseKernelsOfRun(out));
  Progress progress(console.err, console.terminal);
  ASSIGN_OR_RETURN(const PretrainingRecord record,
                   Pretrain(spec, out, &progress, *console.stop, options.allow_other_environment));
  *console.out << '\n' << PretrainingText(record) << "\nencoder: " << out << '\n';
  return absl::OkStatus();
}

}  // namespace

void RegisterTrainingCommands(Commands* commands) {
  auto options = std::make_shared<PretrainOptions>();
  CLI::App* pretrain =
      commands->Add("pretrain", "Pre-train an encoder on texts without labels; continues a run that was stopped",
                    [options](const Console& console) { return RunPretraining(*options, console); });
  AddSpecOptions(/*required=*/true, pretrain, &options->spec);
  pretrain->add_option("--out", options->out, "Folder of the encoder, new or of the stopped run [runs/NAME-seedSEED]");
  pretrain->add_flag("--check", options->check, "Check the spec, print it with every default, and stop");
  pretrain->add_flag("--allow-other-environment", options->allow_other_environment,
                     "Continue a run where LibTorch, BLAS or its kernel differ from where it began; this is noted");
}

}  // namespace metaprompt

#include "experiments/cli/training_commands.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "experiments/fine_tuning/fine_tune.h"
#include "experiments/fine_tuning/fine_tuning_record.h"
#include "experiments/fine_tuning/fine_tuning_spec.h"
#include "experiments/host/progress.h"
#include "experiments/pretraining/pretrain.h"
#include "experiments/pretraining/pretraining_record.h"
#include "experiments/pretraining/pretraining_spec.h"
#include "experiments/ranks/place.h"
#include "experiments/runs/run_inputs.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/specs/spec_fields.h"

namespace metaprompt {
namespace {

struct TrainingOptions {
  RunFolderOptions folder;
  bool check = false;
};

// The text that is printed after a training in the folder `out`.
absl::StatusOr<std::string> ResultOf(const PretrainingSpec& spec, const std::string& out,
                                     const RunFolderOptions& options, Progress* progress, const Console& console) {
  ASSIGN_OR_RETURN(const PretrainingRecord record,
                   Pretrain(spec, out, progress, *console.stop, options.allow_other_environment, options.events));
  return absl::StrCat(PretrainingText(record), "\nencoder: ", out);
}

absl::StatusOr<std::string> ResultOf(const FineTuningSpec& spec, const std::string& out,
                                     const RunFolderOptions& options, Progress* progress, const Console& console) {
  ASSIGN_OR_RETURN(const FineTuningRecord record,
                   FineTune(spec, out, progress, *console.stop, options.allow_other_environment, options.events));
  return absl::StrCat(FineTuningTable(record), "\nrecord: ", out, "/", kFineTuningFile);
}

template <typename Spec>
absl::Status Train(const absl::StatusOr<Spec>& spec, const TrainingOptions& options, const Console& console) {
  RETURN_IF_ERROR(spec);
  if (options.check) {
    *console.out << SpecText(*spec);
    return CheckPathsExist(options.folder.spec.file, *spec);
  }
  const std::string out = FolderOf(options.folder, spec->name(), spec->seed());
  RETURN_IF_ERROR(UseKernelsOfRun(out));
  Progress progress(console.err, console.terminal);
  ASSIGN_OR_RETURN(const std::string result, ResultOf(*spec, out, options.folder, &progress, console));
  *console.out << '\n' << result << '\n';
  return absl::OkStatus();
}

template <typename Load>
void RegisterTraining(const std::string& name, const std::string& help, const std::string& kind, Load load,
                      Commands* commands) {
  auto options = std::make_shared<TrainingOptions>();
  CLI::App* command =
      commands->Add(name, help,
                    [options, load, name](const Console& console) -> absl::Status {
                      RETURN_IF_ERROR(OnlyOneProcess(name));
                      return Train(load(options->folder.spec.file, options->folder.spec.sets), *options, console);
                    },
                    {/*best_kernel=*/true, /*hears_signals=*/true});
  AddRunFolderOptions(kind + " spec, a text protobuf; --check prints every field", "Folder of the encoder", command,
                      &options->folder);
  command->add_flag("--check", options->check,
                    "Check the spec and that its files exist, print it with every default, and stop");
}

}  // namespace

void RegisterTrainingCommands(Commands* commands) {
  RegisterTraining("pretrain", "Pre-train an encoder on texts without labels; continues a run that was stopped",
                   "Pre-training", LoadPretrainingSpec, commands);
  RegisterTraining("finetune",
                   "Fine-tune an encoder as a classifier on a whole data set; continues a run that was stopped",
                   "Fine-tuning", LoadFineTuningSpec, commands);
}

}  // namespace metaprompt

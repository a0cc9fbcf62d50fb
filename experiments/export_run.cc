#include "experiments/export_run.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/finished_run.h"
#include "experiments/read_record.h"
#include "metaprompt/checkpoint.h"
#include "metaprompt/safetensors.h"

namespace metaprompt {
namespace {

constexpr char kPromptFile[] = "prompt.safetensors";

}  // namespace

absl::StatusOr<std::string> ExportRun(const std::string& run, int shots, const std::string& folder) {
  int largest = 0;
  absl::StatusOr<RunRecord> record = ReadRecord(run);
  if (!record.ok()) {
    return record.status();
  }
  for (const ShotResult& result : record->results()) {
    largest = std::max(largest, result.shots());
  }
  shots = shots == 0 ? largest : shots;
  if (const absl::Status status = CheckShots(run, *record, shots); !status.ok()) {
    return status;
  }
  const absl::StatusOr<FinishedRun> opened = OpenFinishedRun(run, *std::move(record), shots);
  if (!opened.ok()) {
    return opened.status();
  }
  const PromptModel& model = *opened->model;
  const Encoder& encoder = model.encoder();
  const std::vector<ParamInfo> infos = MetaInfos(model, *opened->learner);
  const ParamList& params = opened->params;
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
    return absl::AlreadyExistsError(error
                                        ? absl::StrCat(folder, ": ", error.message())
                                        : absl::StrCat(folder, ": the folder is not empty; name another, or empty it"));
  }
  // Whole, or of another name: what a killed export left is begun anew.
  const std::string partial = absl::StrCat(absl::StripSuffix(folder, "/"), ".partial");
  std::filesystem::remove_all(partial, error);
  if (const absl::Status status =
          SaveCheckpoint(partial, encoder, encoder.Folded(params), opened->config_json, opened->tokenizer->files());
      !status.ok()) {
    return status;
  }
  TensorFile soft;
  for (size_t i = encoder.params().size(); i < params.size(); ++i) {
    if (infos[i].group != ParamGroup::kLora) {  // folded into the encoder's matrices
      soft.tensors.emplace_back(infos[i].name, params[i]);
    }
  }
  soft.metadata["template"] = opened->record.spec().model().prompt().template_();
  soft.metadata["format"] = "pt";
  if (const absl::Status status = WriteSafetensors(absl::StrCat(partial, "/", kPromptFile), soft); !status.ok()) {
    return status;
  }
  std::filesystem::rename(partial, folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot rename ", partial, " to ", folder, ": ", error.message()));
  }
  return absl::StrCat(folder, ": the ", shots, "-shot initialisation of ", run, ", ",
                      std::string(ModelType(opened->config.architecture)), ", ", encoder.params().size(),
                      " tensors and ", opened->prompt->num_soft(), " soft vectors");
}

}  // namespace metaprompt

#include "experiments/commands/export_run.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/runs/finished_run.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/prompt_model.h"

namespace metaprompt {
namespace {

constexpr char kPromptFile[] = "prompt.safetensors";

}  // namespace

absl::StatusOr<std::string> ExportRun(const std::string& run, int shots, const std::string& folder) {
  const absl::StatusOr<FinishedRun> finished = FinishedRun::Open(run);
  if (!finished.ok()) {
    return finished.status();
  }
  const absl::StatusOr<int> found = finished->ShotsOf(shots);
  if (!found.ok()) {
    return found.status();
  }
  const absl::StatusOr<ParamList> params = finished->Params(*found);
  if (!params.ok()) {
    return params.status();
  }
  const PromptModel& model = finished->model();
  const Encoder& encoder = model.encoder();
  const std::vector<ParamInfo>& infos = finished->infos();
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
    return absl::AlreadyExistsError(error
                                        ? absl::StrCat(folder, ": ", error.message())
                                        : absl::StrCat(folder, ": the folder is not empty; name another, or empty it"));
  }
  // Whole, or of another name: what a killed export left is begun anew.
  const std::string partial = absl::StrCat(absl::StripSuffix(folder, "/"), ".partial");
  std::filesystem::remove_all(partial, error);
  if (const absl::Status status = SaveCheckpoint(partial, encoder, encoder.Folded(*params), finished->config_json(),
                                                 finished->tokenizer().files());
      !status.ok()) {
    return status;
  }
  TensorFile soft;
  for (size_t i = encoder.params().size(); i < params->size(); ++i) {
    // Low-rank updates are folded into the encoder's matrices, and what soft vectors pass through into those.
    if (infos[i].group != ParamGroup::kLora && !infos[i].prompt_map) {
      const bool soft_vectors = infos[i].name == "prompt.soft";
      soft.tensors.emplace_back(infos[i].name, soft_vectors ? model.SoftVectors(*params) : (*params)[i]);
    }
  }
  soft.metadata["template"] = finished->record().spec().model().prompt().template_();
  soft.metadata["format"] = "pt";
  if (const absl::Status status = WriteSafetensors(absl::StrCat(partial, "/", kPromptFile), soft); !status.ok()) {
    return status;
  }
  std::filesystem::rename(partial, folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot rename ", partial, " to ", folder, ": ", error.message()));
  }
  return absl::StrCat(folder, ": the ", *found, "-shot initialisation of ", run, ", ", encoder.config().model_type,
                      ", ", encoder.params().size(), " tensors and ", finished->prompt().num_soft(), " soft vectors");
}

}  // namespace metaprompt

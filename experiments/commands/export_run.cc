#include "experiments/commands/export_run.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/workbench/finished_run.h"
#include "experiments/workbench/seen_texts.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/new_folder.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/prompt_model.h"

namespace metaprompt {
namespace {

constexpr char kPromptFile[] = "prompt.safetensors";

}  // namespace

absl::StatusOr<std::string> ExportRun(const std::string& run, int shots, const std::string& folder) {
  ASSIGN_OR_RETURN(const FinishedRun finished, FinishedRun::Open(run));
  ASSIGN_OR_RETURN(const int found, finished.ShotsOf(shots));
  ASSIGN_OR_RETURN(const ParamList params, finished.Params(found));
  const PromptModel& model = finished.model();
  const Encoder& encoder = model.encoder();
  const std::vector<ParamInfo>& infos = finished.infos();
  ASSIGN_OR_RETURN(NewFolder written, NewFolder::Create(folder));
  RETURN_IF_ERROR(
      SaveCheckpoint(written.path(), encoder, encoder.Folded(params), finished.config_json(), finished.input_files()));
  TensorFile soft;
  for (size_t i = encoder.params().size(); i < params.size(); ++i) {
    // Low-rank updates are merged into the encoder's matrices, and the reparametrisation into the soft vectors.
    if (infos[i].group != ParamGroup::kLora && !infos[i].prompt_map) {
      const bool soft_vectors = infos[i].name == "prompt.soft";
      soft.tensors.emplace_back(infos[i].name, soft_vectors ? model.SoftVectors(params) : params[i]);
    }
  }
  if (!finished.config().reads_images()) {
    soft.metadata["template"] = finished.record().spec().model().prompt().template_();
  }
  soft.metadata["format"] = "pt";
  RETURN_IF_ERROR(WriteSafetensors(absl::StrCat(written.path(), "/", kPromptFile), soft));
  ASSIGN_OR_RETURN(const SeenTexts seen, SeenTexts::Read(run));
  if (!seen.empty()) {
    RETURN_IF_ERROR(WriteFileAtomically(absl::StrCat(written.path(), "/", kSeenTextsFile), seen.Text()));
  }
  RETURN_IF_ERROR(written.Commit());
  const int64_t num_soft = model.params()[model.soft_place()].shape[0];
  return absl::StrCat(folder, ": the ", found, "-shot initialisation of ", run, ", ", encoder.config().model_type, ", ",
                      encoder.params().size(), " tensors and ", num_soft, " soft vector", num_soft == 1 ? "" : "s");
}

}  // namespace metaprompt

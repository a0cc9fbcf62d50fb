#include "experiments/export_run.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/result.pb.h"
#include "experiments/train.h"
#include "learners/learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/bert.h"
#include "metaprompt/checkpoint.h"
#include "metaprompt/prompt.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/safetensors.h"
#include "metaprompt/tokenizer_folder.h"

namespace metaprompt {
namespace {

constexpr char kPromptFile[] = "prompt.safetensors";

absl::StatusOr<RunRecord> ReadRecord(const std::string& run) {
  const std::string path = absl::StrCat(run, "/record.textproto");
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status()) && std::filesystem::exists(absl::StrCat(run, "/spec.textproto"))) {
    return absl::FailedPreconditionError(
        absl::StrCat(run, ": the run is not complete; the command that began it goes on with it"));
  }
  if (!text.ok()) {
    return text.status();
  }
  RunRecord record;
  if (const absl::Status status = ParseSpec(*text, path, &record); !status.ok()) {
    return status;
  }
  return record;
}

// The run's tokenizer and encoder, as SaveInputs of run.cc left them.
struct Inputs {
  std::unique_ptr<Tokenizer> tokenizer;
  std::string config_json;
  EncoderConfig config;
};

absl::StatusOr<Inputs> ReadInputs(const std::string& run, const ModelSpec& spec) {
  Inputs inputs;
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = absl::InternalError("");
  if (spec.encoder().has_checkpoint()) {
    const std::string folder = absl::StrCat(run, "/encoder");
    const absl::StatusOr<TokenizerFiles> files = ReadTokenizerFiles(folder);
    if (!files.ok()) {
      return files.status();
    }
    tokenizer = MakeTokenizer(*files, folder);
    absl::StatusOr<std::string> json = ReadFile(absl::StrCat(folder, "/config.json"));
    if (!json.ok()) {
      return json.status();
    }
    inputs.config_json = *std::move(json);
    const absl::StatusOr<EncoderConfig> config =
        ParseEncoderConfig(inputs.config_json, absl::StrCat(folder, "/config.json"));
    if (!config.ok()) {
      return config.status();
    }
    inputs.config = *config;
  } else {
    const std::string path = absl::StrCat(run, "/", kSentencePieceFile);
    absl::StatusOr<std::string> bytes = ReadFile(path);
    if (!bytes.ok()) {
      return bytes.status();
    }
    tokenizer = LoadSentencePiece(*std::move(bytes), path);
  }
  if (!tokenizer.ok()) {
    return tokenizer.status();
  }
  inputs.tokenizer = *std::move(tokenizer);
  if (!spec.encoder().has_checkpoint()) {
    inputs.config = BertConfig(spec.encoder().bert(), inputs.tokenizer->vocab_size());
    inputs.config_json = ConfigJson(inputs.config);
  }
  return inputs;
}

}  // namespace

absl::StatusOr<std::string> ExportRun(const std::string& run, int shots, const std::string& folder) {
  const absl::StatusOr<RunRecord> record = ReadRecord(run);
  if (!record.ok()) {
    return record.status();
  }
  std::string known;
  int largest = 0;
  bool found = false;
  for (const ShotResult& result : record->results()) {
    absl::StrAppend(&known, known.empty() ? "" : ", ", result.shots());
    largest = std::max(largest, result.shots());
    found = found || result.shots() == shots;
  }
  if (shots != 0 && !found) {
    return absl::NotFoundError(absl::StrCat(run, ": the run has no ", shots, "-shot result; it has ", known));
  }
  shots = shots == 0 ? largest : shots;
  const ModelSpec& spec = record->spec().model();
  const absl::StatusOr<Inputs> inputs = ReadInputs(run, spec);
  if (!inputs.ok()) {
    return inputs.status();
  }
  const Encoder encoder(inputs->config, record->model().mlm_head());
  const absl::StatusOr<PromptTemplate> prompt =
      PromptTemplate::Create(spec.prompt(), *inputs->tokenizer, encoder.max_tokens());
  if (!prompt.ok()) {
    return prompt.status();
  }
  const PromptModel model(spec, encoder, prompt->num_soft());
  const std::vector<ParamInfo> infos = MetaInfos(model, *MakeLearner(record->spec().learner()));
  const absl::StatusOr<ParamList> params = ReadParamFile(infos, absl::StrCat(run, "/best-", shots, "shot.safetensors"));
  if (!params.ok()) {
    return params.status();
  }
  std::error_code error;
  if (std::filesystem::exists(folder, error) && !std::filesystem::is_empty(folder, error)) {
    return absl::AlreadyExistsError(error
                                        ? absl::StrCat(folder, ": ", error.message())
                                        : absl::StrCat(folder, ": the folder is not empty; name another, or empty it"));
  }
  // Whole, or of another name: what a killed export left is begun anew.
  const std::string partial = absl::StrCat(absl::StripSuffix(folder, "/"), ".partial");
  std::filesystem::remove_all(partial, error);
  if (const absl::Status status = SaveCheckpoint(partial, encoder, model.encoder().Folded(*params), inputs->config_json,
                                                 inputs->tokenizer->files());
      !status.ok()) {
    return status;
  }
  TensorFile soft;
  for (size_t i = encoder.params().size(); i < params->size(); ++i) {
    if (infos[i].group != ParamGroup::kLora) {  // folded into the encoder's matrices
      soft.tensors.emplace_back(infos[i].name, (*params)[i]);
    }
  }
  soft.metadata["template"] = spec.prompt().template_();
  soft.metadata["format"] = "pt";
  if (const absl::Status status = WriteSafetensors(absl::StrCat(partial, "/", kPromptFile), soft); !status.ok()) {
    return status;
  }
  std::filesystem::rename(partial, folder, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat("cannot rename ", partial, " to ", folder, ": ", error.message()));
  }
  return absl::StrCat(folder, ": the ", shots, "-shot initialisation of ", run, ", ",
                      std::string(ModelType(inputs->config.architecture)), ", ", encoder.params().size(),
                      " tensors and ", prompt->num_soft(), " soft vectors");
}

}  // namespace metaprompt

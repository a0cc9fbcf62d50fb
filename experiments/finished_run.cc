#include "experiments/finished_run.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/param_file.h"
#include "learners/learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/spec_fields.h"
#include "metaprompt/bert.h"
#include "metaprompt/checkpoint.h"
#include "metaprompt/prompt.h"
#include "metaprompt/tokenizer_folder.h"

namespace metaprompt {
namespace {

absl::StatusOr<RunRecord> ReadRecord(const std::string& run, std::string* sha256) {
  const std::string path = absl::StrCat(run, "/record.textproto");
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (absl::IsNotFound(text.status()) && std::filesystem::exists(absl::StrCat(run, "/spec.textproto"))) {
    return absl::FailedPreconditionError(
        absl::StrCat(run, ": the run is not complete; the command that began it goes on with it"));
  }
  if (!text.ok()) {
    return text.status();
  }
  *sha256 = Sha256(*text);
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

absl::StatusOr<FinishedRun> FinishedRun::Open(const std::string& path) {
  FinishedRun run;
  run.path_ = path;
  absl::StatusOr<RunRecord> record = ReadRecord(path, &run.record_sha256_);
  if (!record.ok()) {
    return record.status();
  }
  run.record_ = *std::move(record);
  const ModelSpec& spec = run.record_.spec().model();
  absl::StatusOr<Inputs> inputs = ReadInputs(path, spec);
  if (!inputs.ok()) {
    return inputs.status();
  }
  const Encoder encoder(inputs->config, run.record_.model().mlm_head());
  const absl::StatusOr<PromptTemplate> prompt =
      PromptTemplate::Create(spec.prompt(), *inputs->tokenizer, encoder.max_tokens());
  if (!prompt.ok()) {
    return prompt.status();
  }
  run.num_soft_ = prompt->num_soft();
  run.model_ = std::make_unique<PromptModel>(spec, encoder, run.num_soft_);
  run.infos_ = MetaInfos(*run.model_, *MakeLearner(run.record_.spec().learner()));
  run.tokenizer_ = std::move(inputs->tokenizer);
  run.config_json_ = std::move(inputs->config_json);
  return run;
}

absl::StatusOr<int> FinishedRun::ShotsOf(int shots) const {
  std::string known;
  int largest = 0;
  for (const ShotResult& result : record_.results()) {
    if (result.shots() == shots) {
      return shots;
    }
    absl::StrAppend(&known, known.empty() ? "" : ", ", result.shots());
    largest = std::max(largest, result.shots());
  }
  if (shots != 0) {
    return absl::NotFoundError(absl::StrCat(path_, ": the run has no ", shots, "-shot result; it has ", known));
  }
  return largest;
}

std::string FinishedRun::ParamFile(int shots) const { return absl::StrCat(path_, "/best-", shots, "shot.safetensors"); }

absl::StatusOr<ParamList> FinishedRun::Params(int shots) const { return ReadParamFile(infos_, ParamFile(shots)); }

}  // namespace metaprompt

#include "experiments/runs/finished_run.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/runs/param_file.h"
#include "experiments/runs/read_record.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/base/files.h"
#include "metaprompt/encoders/config_json.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/tokenizers/tokenizer_folder.h"

namespace metaprompt {
namespace {

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
  for (const ShotResult& result : run.record_.results()) {
    std::error_code error;
    const std::string file = run.ParamFile(result.shots());
    if (!std::filesystem::exists(file, error)) {
      return absl::NotFoundError(absl::StrCat(
          path, ": it has the run's record, but not the parameters that it ended with (",
          std::filesystem::path(file).filename().string(), "), which take a run of the record's spec again"));
    }
  }
  const ModelSpec& spec = run.record_.spec().model();
  absl::StatusOr<Inputs> inputs = ReadInputs(path, spec);
  if (!inputs.ok()) {
    return inputs.status();
  }
  const Encoder encoder(inputs->config, run.record_.model().mlm_head());
  int64_t max_tokens = encoder.max_tokens();
  if (const int64_t wanted = spec.encoder().checkpoint().max_tokens(); wanted > 0) {
    max_tokens = std::min(max_tokens, wanted);
  }
  absl::StatusOr<PromptTemplate> prompt = PromptTemplate::Create(spec.prompt(), *inputs->tokenizer, max_tokens);
  if (!prompt.ok()) {
    return prompt.status();
  }
  run.prompt_ = *std::move(prompt);
  run.model_ = std::make_unique<PromptModel>(spec, encoder, run.prompt_->num_soft());
  run.model_->set_bfloat16(run.record_.spec().precision() == ExperimentSpec::BFLOAT16);
  run.learner_ = MakeLearner(run.record_.spec().learner());
  run.infos_ = MetaInfos(*run.model_, *run.learner_);
  run.tokenizer_ = std::move(inputs->tokenizer);
  run.config_ = inputs->config;
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
    return absl::NotFoundError(
        absl::StrCat(path_, ": the run has no ", shots, "-shot result; it has ", known.empty() ? "none" : known));
  }
  return largest;
}

std::string FinishedRun::ParamFile(int shots) const { return absl::StrCat(path_, "/best-", shots, "shot.safetensors"); }

absl::StatusOr<ParamList> FinishedRun::Params(int shots) const { return ReadParamFile(infos_, ParamFile(shots)); }

}  // namespace metaprompt

#include "experiments/finished_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "experiments/train.h"
#include "metaprompt/base/files.h"
#include "metaprompt/bert.h"
#include "metaprompt/checkpoint.h"
#include "metaprompt/tokenizer_folder.h"

namespace metaprompt {
namespace {

// The run's tokenizer and encoder, as SaveInputs of run.cc left them.
absl::Status ReadInputs(const std::string& folder, const ModelSpec& spec, FinishedRun* run) {
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = absl::InternalError("");
  if (spec.encoder().has_checkpoint()) {
    const std::string encoder = absl::StrCat(folder, "/encoder");
    const absl::StatusOr<TokenizerFiles> files = ReadTokenizerFiles(encoder);
    if (!files.ok()) {
      return files.status();
    }
    tokenizer = MakeTokenizer(*files, encoder);
    absl::StatusOr<std::string> json = ReadFile(absl::StrCat(encoder, "/config.json"));
    if (!json.ok()) {
      return json.status();
    }
    run->config_json = *std::move(json);
    const absl::StatusOr<EncoderConfig> config =
        ParseEncoderConfig(run->config_json, absl::StrCat(encoder, "/config.json"));
    if (!config.ok()) {
      return config.status();
    }
    run->config = *config;
  } else {
    const std::string path = absl::StrCat(folder, "/", kSentencePieceFile);
    absl::StatusOr<std::string> bytes = ReadFile(path);
    if (!bytes.ok()) {
      return bytes.status();
    }
    tokenizer = LoadSentencePiece(*std::move(bytes), path);
  }
  if (!tokenizer.ok()) {
    return tokenizer.status();
  }
  run->tokenizer = *std::move(tokenizer);
  if (!spec.encoder().has_checkpoint()) {
    run->config = BertConfig(spec.encoder().bert(), run->tokenizer->vocab_size());
    run->config_json = ConfigJson(run->config);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckShots(const std::string& run, const RunRecord& record, int shots) {
  const auto& results = record.results();
  if (std::any_of(results.begin(), results.end(), [&](const ShotResult& one) { return one.shots() == shots; })) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(
      absl::StrCat(run, ": the run has no ", shots, "-shot result; it has ",
                   results.empty() ? "none" : absl::StrJoin(results, ", ", [](std::string* out, const ShotResult& one) {
                     absl::StrAppend(out, one.shots());
                   })));
}

absl::StatusOr<FinishedRun> OpenFinishedRun(const std::string& run, RunRecord record, int shots) {
  FinishedRun opened;
  opened.record = std::move(record);
  opened.shots = shots;
  const ExperimentSpec& spec = opened.record.spec();
  if (const absl::Status status = ReadInputs(run, spec.model(), &opened); !status.ok()) {
    return status;
  }
  const Encoder encoder(opened.config, opened.record.model().mlm_head());
  int64_t max_tokens = encoder.max_tokens();
  if (const int64_t wanted = spec.model().encoder().checkpoint().max_tokens(); wanted > 0) {
    max_tokens = std::min(max_tokens, wanted);
  }
  absl::StatusOr<PromptTemplate> prompt = PromptTemplate::Create(spec.model().prompt(), *opened.tokenizer, max_tokens);
  if (!prompt.ok()) {
    return prompt.status();
  }
  opened.prompt = *std::move(prompt);
  opened.model = std::make_unique<PromptModel>(spec.model(), encoder, opened.prompt->num_soft());
  opened.model->set_bfloat16(spec.precision() == ExperimentSpec::BFLOAT16);
  opened.learner = MakeLearner(spec.learner());
  absl::StatusOr<ParamList> params =
      ReadParamFile(MetaInfos(*opened.model, *opened.learner), absl::StrCat(run, "/best-", shots, "shot.safetensors"));
  if (!params.ok()) {
    return params.status();
  }
  opened.params = *std::move(params);
  return opened;
}

}  // namespace metaprompt

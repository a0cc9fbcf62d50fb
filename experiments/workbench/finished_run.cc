#include "experiments/workbench/finished_run.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/workbench/param_file.h"
#include "experiments/workbench/read_record.h"
#include "learners/papers/make_learner.h"
#include "metaprompt/architectures/config_json.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

// The run's tokenizer and encoder, as SaveInputs of run.cc left them; no values.
absl::StatusOr<EncoderParts> ReadParts(const std::string& run, const ModelSpec& spec, bool with_head) {
  if (!spec.encoder().has_checkpoint()) {
    const std::string path = absl::StrCat(run, "/", kSentencePieceFile);
    ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
    ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer, LoadSentencePiece(std::move(bytes), path));
    return NewEncoder(spec.encoder().bert(), std::move(tokenizer));
  }
  const std::string folder = absl::StrCat(run, "/encoder");
  const std::string config_path = absl::StrCat(folder, "/config.json");
  EncoderParts parts;
  ASSIGN_OR_RETURN(parts.tokenizer, OpenTokenizer(folder));
  ASSIGN_OR_RETURN(parts.config_json, ReadFile(config_path));
  ASSIGN_OR_RETURN(const EncoderConfig config, ParseEncoderConfig(parts.config_json, config_path));
  parts.encoder = std::make_unique<Encoder>(config, with_head);
  return parts;
}

}  // namespace

absl::StatusOr<FinishedRun> FinishedRun::Open(const std::string& path) {
  FinishedRun run;
  run.path_ = path;
  ASSIGN_OR_RETURN(run.record_, ReadRecord(path, &run.record_sha256_));
  for (const ShotResult& result : run.record_.results()) {
    std::error_code error;
    const std::string file = run.ParamFile(result.shots());
    if (!std::filesystem::exists(file, error)) {
      return absl::NotFoundError(absl::StrCat(path, ": the run's record is here, but its parameters are not (",
                                              std::filesystem::path(file).filename().string(),
                                              "); to have them, run the record's spec again"));
    }
  }
  const ExperimentSpec& spec = run.record_.spec();
  ASSIGN_OR_RETURN(EncoderParts parts, ReadParts(path, spec.model(), run.record_.model().mlm_head()));
  ASSIGN_OR_RETURN(run.assembled_, AssembleModel(spec, std::move(parts)));
  run.learner_ = MakeLearner(spec.learner());
  run.infos_ = MetaInfos(run.model(), *run.learner_);
  return run;
}

FinishedRun FinishedRun::Untrained(const ExperimentSpec& spec, AssembledModel assembled) {
  FinishedRun run;
  *run.record_.mutable_spec() = spec;
  *run.record_.mutable_model() = FactsOfModel(assembled);
  run.assembled_ = std::move(assembled);
  run.learner_ = MakeLearner(spec.learner());
  run.infos_ = MetaInfos(run.model(), *run.learner_);
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

absl::StatusOr<ParamList> FinishedRun::Params(int shots, std::string* sha256) const {
  return ReadParamFile(infos_, ParamFile(shots), sha256);
}

}  // namespace metaprompt

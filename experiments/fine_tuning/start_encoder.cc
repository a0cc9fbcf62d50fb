#include "experiments/fine_tuning/start_encoder.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/model_size.h"
#include "experiments/workbench/finished_run.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"

namespace metaprompt {
namespace {

absl::StatusOr<StartEncoder> OfRun(const FromRunSpec& spec) {
  const absl::StatusOr<FinishedRun> opened = FinishedRun::Open(spec.path());
  if (!opened.ok()) {
    return absl::Status(opened.status().code(), absl::StrCat("from_run: ", opened.status().message()));
  }
  const FinishedRun& run = *opened;
  RETURN_IF_ERROR(run.CheckTexts("from_run"));
  ASSIGN_OR_RETURN(const int shots, run.ShotsOf(spec.shots()));
  std::string sha256;
  ASSIGN_OR_RETURN(const ParamList params, run.Params(shots, &sha256));
  StartEncoder start;
  const Encoder& encoder = run.model().encoder();
  start.parts.params = encoder.Folded(params);
  start.parts.encoder = std::make_unique<Encoder>(run.config(), encoder.layout().has_head());
  start.parts.config_json = run.config_json();
  ASSIGN_OR_RETURN(start.parts.tokenizer, MakeTokenizer(run.tokenizer().files(), spec.path()));
  start.facts = FactsOfEncoder(start.parts);
  StartFacts& facts = *start.facts.add_starts();
  facts.set_field("from_run");
  facts.set_record_sha256(run.record_sha256());
  facts.set_shots(shots);
  facts.set_parameters_sha256(sha256);
  return start;
}

absl::StatusOr<StartEncoder> OfEncoder(const FineTuningSpec& spec, const TokenizerFiles& kept,
                                       const std::function<std::vector<std::string>()>& train_texts) {
  ModelSpec model;
  *model.mutable_encoder() = spec.encoder();
  *model.mutable_tokenizer() = spec.tokenizer();
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = TokenizerOfRun(model, kept, train_texts);
  if (!tokenizer.ok()) {
    return absl::Status(tokenizer.status().code(), absl::StripPrefix(tokenizer.status().message(), "model."));
  }
  StartEncoder start;
  if (spec.encoder().has_checkpoint()) {
    const CheckpointSpec& checkpoint = spec.encoder().checkpoint();
    ASSIGN_OR_RETURN(start.parts,
                     OpenEncoder(checkpoint.path(), checkpoint.allow_unknown_tensors(), *std::move(tokenizer)));
    RETURN_IF_ERROR(CheckDropout(spec.dropout(), start.parts.encoder->config(), "dropout"));
    start.facts = FactsOfEncoder(start.parts);
    return start;
  }
  start.parts = NewEncoder(spec.encoder().bert(), *std::move(tokenizer));
  start.facts = FactsOfEncoder(start.parts);
  start.parts.params = InitialBert(spec.encoder().bert(), start.parts.encoder->layout(), spec.seed());
  return start;
}

}  // namespace

absl::StatusOr<StartEncoder> OpenStartEncoder(const FineTuningSpec& spec, const TokenizerFiles& kept,
                                              const std::function<std::vector<std::string>()>& train_texts) {
  absl::StatusOr<StartEncoder> start =
      spec.has_from_run() ? OfRun(spec.from_run()) : OfEncoder(spec, kept, train_texts);
  RETURN_IF_ERROR(start);
  if (const EncoderConfig& config = start->parts.encoder->config(); config.has_decoder()) {
    return absl::InvalidArgumentError(absl::StrCat("encoder: fine-tuning is for encoders and causal models, and ",
                                                   config.model_type, " is an encoder-decoder"));
  }
  if (const std::string& folder = spec.has_from_run() ? spec.from_run().path() : spec.encoder().checkpoint().path();
      !folder.empty()) {
    ASSIGN_OR_RETURN(start->seen, SeenTexts::Read(folder));
  }
  RETURN_IF_ERROR(CheckFits("encoder", start->parts.encoder->params()));
  return start;
}

}  // namespace metaprompt

#include "experiments/fine_tuning/start_encoder.h"

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/model_size.h"
#include "experiments/workbench/finished_run.h"
#include "experiments/workbench/image_parts.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/images/image_processor.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"

namespace metaprompt {
namespace {

using TrainTexts = std::function<std::vector<std::string>()>;

// What makes the run's inputs: its processor of images, if the data are images, or else its tokenizer.
absl::Status ReadInputMaker(const FinishedRun& run, const std::string& path, const std::optional<ImageShape>& images,
                            EncoderParts* parts) {
  if (!images.has_value()) {
    RETURN_IF_ERROR(run.CheckTexts("from_run"));
    ASSIGN_OR_RETURN(parts->tokenizer, MakeTokenizer(run.tokenizer().files(), path));
    return absl::OkStatus();
  }
  if (!run.config().reads_images()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": the run's inputs are texts; from_run needs images, as dataset has"));
  }
  const TokenizerFiles files = run.input_files();
  ASSIGN_OR_RETURN(parts->images, ImageProcessor::Parse(files.at(kPreprocessorFile), path));
  return CheckTakes(*parts, *images, path);
}

absl::StatusOr<StartEncoder> OfRun(const FromRunSpec& spec, const std::optional<ImageShape>& images) {
  const absl::StatusOr<FinishedRun> opened = FinishedRun::Open(spec.path());
  if (!opened.ok()) {
    return absl::Status(opened.status().code(), absl::StrCat("from_run: ", opened.status().message()));
  }
  const FinishedRun& run = *opened;
  StartEncoder start;
  const Encoder& encoder = run.model().encoder();
  start.parts.encoder = std::make_unique<Encoder>(run.config(), encoder.layout().has_head());
  start.parts.config_json = run.config_json();
  RETURN_IF_ERROR(ReadInputMaker(run, spec.path(), images, &start.parts));
  ASSIGN_OR_RETURN(const int shots, run.ShotsOf(spec.shots()));
  std::string sha256;
  ASSIGN_OR_RETURN(const ParamList params, run.Params(shots, &sha256));
  start.parts.params = encoder.Folded(params);
  start.facts = FactsOfEncoder(start.parts);
  StartFacts& facts = *start.facts.add_starts();
  facts.set_field("from_run");
  facts.set_record_sha256(run.record_sha256());
  facts.set_shots(shots);
  facts.set_parameters_sha256(sha256);
  return start;
}

// The error of a function for runs, whose specs have these fields in `model`.
absl::Status WithoutModel(const absl::Status& status) {
  return absl::Status(status.code(), absl::StripPrefix(status.message(), "model."));
}

// The spec's checkpoint, or a new encoder without values.
absl::StatusOr<EncoderParts> PartsOf(const FineTuningSpec& spec, const std::optional<ImageShape>& images,
                                     const TokenizerFiles& kept, const TrainTexts& train_texts) {
  ModelSpec model;
  *model.mutable_encoder() = spec.encoder();
  *model.mutable_tokenizer() = spec.tokenizer();
  if (images.has_value()) {
    absl::StatusOr<EncoderParts> parts = ImageEncoderOfRun(model, *images);
    return parts.ok() ? std::move(parts) : WithoutModel(parts.status());
  }
  absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = TokenizerOfRun(model, kept, train_texts);
  if (!tokenizer.ok()) {
    return WithoutModel(tokenizer.status());
  }
  const CheckpointSpec& checkpoint = spec.encoder().checkpoint();
  return spec.encoder().has_checkpoint()
             ? OpenEncoder(checkpoint.path(), checkpoint.allow_unknown_tensors(), *std::move(tokenizer))
             : NewEncoder(spec.encoder().bert(), *std::move(tokenizer));
}

absl::StatusOr<StartEncoder> OfEncoder(const FineTuningSpec& spec, const std::optional<ImageShape>& images,
                                       const TokenizerFiles& kept, const TrainTexts& train_texts) {
  StartEncoder start;
  ASSIGN_OR_RETURN(start.parts, PartsOf(spec, images, kept, train_texts));
  start.facts = FactsOfEncoder(start.parts);
  if (spec.encoder().has_checkpoint()) {
    RETURN_IF_ERROR(CheckDropout(spec.dropout(), start.parts.encoder->config(), "dropout"));
    return start;
  }
  const EncoderLayout& layout = start.parts.encoder->layout();
  start.parts.params = images.has_value() ? InitialVit(spec.encoder().vit(), layout, spec.seed())
                                          : InitialBert(spec.encoder().bert(), layout, spec.seed());
  return start;
}

}  // namespace

absl::StatusOr<StartEncoder> OpenStartEncoder(const FineTuningSpec& spec, const std::optional<ImageShape>& images,
                                              const TokenizerFiles& kept,
                                              const std::function<std::vector<std::string>()>& train_texts) {
  absl::StatusOr<StartEncoder> start =
      spec.has_from_run() ? OfRun(spec.from_run(), images) : OfEncoder(spec, images, kept, train_texts);
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

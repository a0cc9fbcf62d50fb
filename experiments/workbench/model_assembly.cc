#include "experiments/workbench/model_assembly.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "experiments/model_size.h"
#include "metaprompt/architectures/config_json.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/hash.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/encoders/dropout_rates.h"
#include "metaprompt/encoders/initial_values.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/prompts/soft_prompt.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"

namespace metaprompt {

TokenizerFiles InputFiles(const EncoderParts& parts) {
  const int64_t size = parts.encoder->config().image_size;
  return parts.images.has_value() ? TokenizerFiles{{kPreprocessorFile, parts.images->ConfigText(size, size)}}
                                  : parts.tokenizer->files();
}

absl::StatusOr<std::unique_ptr<Tokenizer>> OpenTokenizer(const std::string& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder + "/record.textproto", error) &&
      !std::filesystem::exists(folder + "/config.json", error)) {
    return absl::InvalidArgumentError(absl::StrCat(folder,
                                                   ": this is a run's folder, not a checkpoint; `metaprompt export ",
                                                   folder, " --out DIR` makes one of it"));
  }
  ASSIGN_OR_RETURN(const TokenizerFiles files, ReadTokenizerFiles(folder));
  return MakeTokenizer(files, folder);
}

absl::StatusOr<std::unique_ptr<Tokenizer>> TokenizerOfRun(
    const ModelSpec& spec, const TokenizerFiles& kept, const std::function<std::vector<std::string>()>& train_texts) {
  if (spec.encoder().has_checkpoint()) {
    return OpenTokenizer(spec.encoder().checkpoint().path());
  }
  if (!kept.empty()) {
    return LoadSentencePiece(kept.at(kSentencePieceFile), kSentencePieceFile);
  }
  if (const std::string& path = spec.tokenizer().path(); !path.empty()) {
    ASSIGN_OR_RETURN(std::string bytes, ReadFile(path));
    return LoadSentencePiece(std::move(bytes), path);
  }
  ASSIGN_OR_RETURN(std::string bytes, TrainSentencePiece(train_texts(), spec.tokenizer().vocab_size()));
  return LoadSentencePiece(std::move(bytes), "the trained tokenizer");
}

namespace {

// OK if the encoder is a causal model and the tokenizer has no mask token, or neither is the case, and if both or
// neither belong to an encoder-decoder. The error begins with `folder`.
absl::Status CheckKinds(const Encoder& encoder, const Tokenizer& tokenizer, const std::string& folder) {
  const SpecialIds special = tokenizer.special();
  const bool has_mask = special.mask >= 0;
  const int64_t start = encoder.config().has_decoder() ? encoder.config().decoder_start : -1;
  if (start != special.decoder_start) {
    const auto shown = [](int64_t id) { return id < 0 ? std::string("none") : absl::StrCat("token ", id); };
    return absl::InvalidArgumentError(absl::StrCat(
        folder, ": the first token of the decoder is ", shown(start), " for config.json (decoder_start_token_id) and ",
        shown(special.decoder_start),
        " for the tokenizer (its padding); tokenizer_class in tokenizer_config.json chooses the tokenizer"));
  }
  if (encoder.config().causal != has_mask) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(folder, ": ", encoder.config().model_type, has_mask ? " is" : " is not",
                   " a causal model, and the tokenizer has ", has_mask ? "a mask token" : "no mask token",
                   "; tokenizer_class in tokenizer_config.json chooses the tokenizer"));
}

}  // namespace

absl::StatusOr<EncoderParts> OpenEncoder(const std::string& folder, bool allow_unknown,
                                         std::unique_ptr<Tokenizer> tokenizer) {
  ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(folder, allow_unknown));
  if (const int64_t ids = checkpoint.encoder->config().vocab_size; ids < tokenizer->vocab_size()) {
    return absl::InvalidArgumentError(absl::StrCat(folder, ": the tokenizer has ", tokenizer->vocab_size(),
                                                   " ids, config.json's vocab_size is ", ids));
  }
  RETURN_IF_ERROR(CheckKinds(*checkpoint.encoder, *tokenizer, folder));
  EncoderParts parts;
  parts.tokenizer = std::move(tokenizer);
  parts.encoder = std::move(checkpoint.encoder);
  parts.config_json = std::move(checkpoint.config_json);
  parts.params = std::move(checkpoint.params);
  parts.unused = std::move(checkpoint.unused);
  return parts;
}

absl::StatusOr<EncoderParts> EncoderOfRun(const ModelSpec& spec, std::unique_ptr<Tokenizer> tokenizer) {
  if (!spec.encoder().has_checkpoint()) {
    return NewEncoder(spec.encoder().bert(), std::move(tokenizer));
  }
  const auto& checkpoint = spec.encoder().checkpoint();
  ASSIGN_OR_RETURN(EncoderParts parts,
                   OpenEncoder(checkpoint.path(), checkpoint.allow_unknown_tensors(), std::move(tokenizer)));
  RETURN_IF_ERROR(CheckPredictsWords(*parts.encoder, checkpoint.path()));
  return parts;
}

absl::StatusOr<TokenizerFiles> ReadKeptTokenizer(const ModelSpec& spec, const std::string& folder) {
  if (spec.encoder().has_checkpoint()) {
    return ReadTokenizerFiles(folder);
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadFile(absl::StrCat(folder, "/", kSentencePieceFile)));
  return TokenizerFiles{{kSentencePieceFile, std::move(bytes)}};
}

absl::StatusOr<EncoderParts> ReadEncoderParts(const ModelSpec& spec, const TokenizerFiles& files,
                                              const std::string& folder, bool with_head) {
  if (!spec.encoder().has_checkpoint()) {
    ASSIGN_OR_RETURN(std::unique_ptr<Tokenizer> tokenizer,
                     LoadSentencePiece(files.at(kSentencePieceFile), absl::StrCat(folder, "/", kSentencePieceFile)));
    return NewEncoder(spec.encoder().bert(), std::move(tokenizer));
  }
  EncoderParts parts;
  ASSIGN_OR_RETURN(parts.tokenizer, MakeTokenizer(files, folder));
  parts.config_json = files.at("config.json");
  const std::string path = absl::StrCat(folder, "/config.json");
  ASSIGN_OR_RETURN(const EncoderConfig config, ParseEncoderConfig(parts.config_json, path));
  RETURN_IF_ERROR(CheckFits(path, LayoutOf(config, with_head).params));
  parts.encoder = std::make_unique<Encoder>(config, with_head);
  RETURN_IF_ERROR(CheckKinds(*parts.encoder, *parts.tokenizer, folder));
  return parts;
}

EncoderParts NewEncoder(const BertSpec& spec, std::unique_ptr<Tokenizer> tokenizer, bool with_head) {
  EncoderParts parts;
  parts.encoder = std::make_unique<Encoder>(BertConfig(spec, tokenizer->vocab_size()), with_head);
  parts.config_json = ConfigJson(parts.encoder->config());
  parts.tokenizer = std::move(tokenizer);
  return parts;
}

absl::Status CheckPredictsWords(const Encoder& encoder, const std::string& folder) {
  const EncoderConfig& config = encoder.config();
  if (encoder.layout().has_head() || config.width == config.embedding_width) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(folder, ": it has no masked-language-model head, and its word embedding, ", config.embedding_width,
                   " wide, cannot take the place of one for hidden states ", config.width,
                   " wide; use a checkpoint saved with its head (...ForMaskedLM)"));
}

int64_t MaxTokens(const Encoder& encoder, int64_t wanted) {
  return wanted > 0 ? std::min(encoder.max_tokens(), wanted) : encoder.max_tokens();
}

namespace {

// OK if the encoder can score answers as sequences, or if the spec does not ask for that.
absl::Status CheckSequences(const VerbalizerSpec& spec, const Encoder& encoder) {
  const bool predicts = encoder.config().causal || encoder.config().has_decoder();
  if (spec.kind() != VerbalizerSpec::SEQUENCE || (predicts && encoder.layout().has_head())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("model.verbalizer.kind is SEQUENCE, and the checkpoint, ", encoder.config().model_type, ", is ",
                   encoder.config().causal ? "without its decoder (lm_head); use one that was saved with it"
                                           : "not a causal model; MANUAL reads its answers at the mask"));
}

// OK unless the learner puts examples before a text, which a causal model continues, and the encoder has a decoder.
absl::Status CheckInContext(const LearnerSpec& spec, const Encoder& encoder) {
  if (!spec.has_in_context() || !encoder.config().has_decoder()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("learner.in_context is for causal models, and the checkpoint, ", encoder.config().model_type,
                   ", is an encoder-decoder; learner.maml and reptile adapt it to the examples"));
}

// OK if the encoder has layers, or if the spec adds no parameters to layers.
absl::Status CheckHasLayers(const ModelSpec& spec, const Encoder& encoder) {
  for (const auto& [set, field] : {std::make_pair(spec.lora().rank(), "model.lora.rank"),
                                   std::make_pair(spec.prompt().prefix_length(), "model.prompt.prefix_length")}) {
    if (set > 0 && encoder.num_layers() == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, " is ", set, ", and the encoder has no layer that it could change; set it to 0"));
    }
  }
  return absl::OkStatus();
}

// The content-free texts in the prompt.
std::vector<PromptedText> ContentFreeTexts(const CalibrationSpec& spec, const AssembledModel& model) {
  std::vector<std::string> texts(spec.texts().begin(), spec.texts().end());
  if (texts.empty()) {
    texts.emplace_back("N/A");
  }
  std::vector<PromptedText> prompted;
  for (const std::string& text : texts) {
    const std::vector<std::string> all(model.prompt->names().size(), text);
    prompted.push_back(model.prompt->Fill(*model.parts.tokenizer, all.size() == 1 ? text : JoinTexts(all)));
  }
  return prompted;
}

}  // namespace

absl::StatusOr<AssembledModel> AssembleModel(const ExperimentSpec& spec, EncoderParts parts,
                                             const std::vector<std::string>& names) {
  const PromptSpec& prompt = spec.model().prompt();
  const VerbalizerSpec& verbalizer = spec.model().verbalizer();
  RETURN_IF_ERROR(CheckSequences(verbalizer, *parts.encoder));
  RETURN_IF_ERROR(CheckInContext(spec.learner(), *parts.encoder));
  RETURN_IF_ERROR(CheckHasLayers(spec.model(), *parts.encoder));
  RETURN_IF_ERROR(CheckDropout(spec.model().dropout(), parts.encoder->config(), "model.dropout"));
  AssembledModel made;
  int64_t num_soft = prompt.has_visual() ? prompt.visual().length() : 0;
  if (parts.tokenizer != nullptr) {
    // A causal model reads all tokens of an answer except the last one.
    const bool read = verbalizer.kind() == VerbalizerSpec::SEQUENCE && parts.encoder->config().causal;
    const int64_t answer = read ? verbalizer.sequence().max_tokens() - 1 : 0;
    const int64_t max_tokens = std::min(MaxTokens(*parts.encoder, spec.model().encoder().checkpoint().max_tokens()),
                                        parts.encoder->max_tokens() - answer);
    ASSIGN_OR_RETURN(made.prompt, PromptTemplate::Create(prompt, *parts.tokenizer, max_tokens, names));
    num_soft = made.prompt->num_soft();
  }
  RETURN_IF_ERROR(CheckPromptWidth(prompt, parts.encoder->config().embedding_width));
  made.model = std::make_unique<PromptModel>(spec.model(), *parts.encoder, num_soft);
  RETURN_IF_ERROR(CheckFits("model", made.model->params()));
  made.model->set_bfloat16(spec.precision() == ExperimentSpec::BFLOAT16);
  made.parts = std::move(parts);
  if (verbalizer.has_calibration()) {
    made.model->set_content_free(ContentFreeTexts(verbalizer.calibration(), made));
  }
  return made;
}

ModelFacts FactsOfEncoder(const EncoderParts& parts) {
  ModelFacts facts;
  std::string all;
  for (const auto& [name, bytes] : InputFiles(parts)) {
    all += bytes;
  }
  facts.set_tokenizer_sha256(Sha256(all));
  if (parts.tokenizer != nullptr) {
    facts.set_vocab_size(static_cast<int>(parts.tokenizer->vocab_size()));
  }
  if (!parts.params.empty()) {
    facts.set_encoder_sha256(ParamsSha256(parts.encoder->params(), parts.params));
  }
  for (const std::string& name : parts.unused) {
    facts.add_unused_tensors(name);
  }
  facts.set_architecture(parts.encoder->config().model_type);
  facts.set_mlm_head(parts.encoder->layout().has_head());
  facts.set_encoder_parameters(CountNumbers(parts.encoder->params(), ParamGroup::kEncoder));
  return facts;
}

ModelFacts FactsOfModel(const AssembledModel& model) {
  ModelFacts facts = FactsOfEncoder(model.parts);
  facts.set_encoder_parameters(CountNumbers(model.model->params(), ParamGroup::kEncoder));
  facts.set_prompt_parameters(CountNumbers(model.model->params(), ParamGroup::kPrompt));
  return facts;
}

}  // namespace metaprompt

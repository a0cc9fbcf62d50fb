// Assembles a model from its parts: tokenizer, encoder and prompt template. Runs, finished runs and the commands that
// open a checkpoint all use these functions.
#ifndef EXPERIMENTS_WORKBENCH_MODEL_ASSEMBLY_H_
#define EXPERIMENTS_WORKBENCH_MODEL_ASSEMBLY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "experiments/experiment.pb.h"
#include "experiments/result.pb.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/images/image_processor.h"
#include "metaprompt/model/params.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

inline constexpr char kPreprocessorFile[] = "preprocessor_config.json";

// An encoder and what makes its inputs: a tokenizer that fits it or, for images, a processor.
struct EncoderParts {
  std::unique_ptr<Tokenizer> tokenizer;  // null for images
  std::optional<ImageProcessor> images;  // set only for images
  std::unique_ptr<Encoder> encoder;
  std::string config_json;          // of the encoder
  ParamList params;                 // the encoder's, in float32, as in the checkpoint; empty without a checkpoint
  std::vector<std::string> unused;  // tensors of the checkpoint that the encoder does not use
};

// The parts with a template, and the model made of them.
struct AssembledModel {
  EncoderParts parts;
  std::optional<PromptTemplate> prompt;  // not set for images
  std::unique_ptr<PromptModel> model;
};

// The files that a folder of the encoder needs besides config.json and the weights: those of the tokenizer, or
// preprocessor_config.json.
TokenizerFiles InputFiles(const EncoderParts& parts);

// The tokenizer in a checkpoint's folder. Errors begin with the folder; the error for a run's folder suggests `export`.
absl::StatusOr<std::unique_ptr<Tokenizer>> OpenTokenizer(const std::string& folder);

// The tokenizer of a run: the checkpoint's, if the spec names one. Otherwise a sentencepiece model: that of a stopped
// run, `kept`, if it is not empty; the file that model.tokenizer.path names; or one trained on `train_texts`, which is
// called only in that case.
absl::StatusOr<std::unique_ptr<Tokenizer>> TokenizerOfRun(const ModelSpec& spec, const TokenizerFiles& kept,
                                                          const std::function<std::vector<std::string>()>& train_texts);

// A checkpoint's encoder with its parameters, read once. Errors name the folder: OpenCheckpoint's, and a tokenizer with
// more ids than the encoder has word vectors.
absl::StatusOr<EncoderParts> OpenEncoder(const std::string& folder, bool allow_unknown,
                                         std::unique_ptr<Tokenizer> tokenizer);

// The encoder of a run: a checkpoint's, which must be able to score words (CheckPredictsWords), or a new BERT.
absl::StatusOr<EncoderParts> EncoderOfRun(const ModelSpec& spec, std::unique_ptr<Tokenizer> tokenizer);

// The files of the tokenizer that a run or a saved classifier keeps in `folder`: a checkpoint's, if the spec names one
// (ReadTokenizerFiles), or else kSentencePieceFile.
absl::StatusOr<TokenizerFiles> ReadKeptTokenizer(const ModelSpec& spec, const std::string& folder);

// The tokenizer of these files, which are in `folder`, and the encoder, without values. Errors name a file; an encoder
// that would not fit into memory is an error.
absl::StatusOr<EncoderParts> ReadEncoderParts(const ModelSpec& spec, const TokenizerFiles& files,
                                              const std::string& folder, bool with_head);

// A new BERT of the spec's shape, without values. `with_head`: with a masked-language-model head.
EncoderParts NewEncoder(const BertSpec& spec, std::unique_ptr<Tokenizer> tokenizer, bool with_head = true);

// OK if the encoder can score words at a mask: it has a masked-language-model head, or a word embedding as wide as its
// hidden states. The error begins with `folder`.
absl::Status CheckPredictsWords(const Encoder& encoder, const std::string& folder);

// The longest input in tokens: `wanted`, or what the encoder allows if that is less or `wanted` is 0.
int64_t MaxTokens(const Encoder& encoder, int64_t wanted);

// The spec's template, unless the encoder reads images, and the model over these parts. `names`: of the texts of an
// example, for PromptTemplate::Create. Errors name the field.
absl::StatusOr<AssembledModel> AssembleModel(const ExperimentSpec& spec, EncoderParts parts,
                                             const std::vector<std::string>& names);

// The facts of a record about an encoder and its tokenizer: all of ModelFacts except the prompt's parameters and
// starts. Hashes the tokenizer's files and the parameters, if there are any.
ModelFacts FactsOfEncoder(const EncoderParts& parts);

// The facts of a record about the model. Hashes the tokenizer's files and a checkpoint's parameters.
ModelFacts FactsOfModel(const AssembledModel& model);

}  // namespace metaprompt

#endif  // EXPERIMENTS_WORKBENCH_MODEL_ASSEMBLY_H_

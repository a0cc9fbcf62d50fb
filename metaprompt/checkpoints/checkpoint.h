// Hugging Face checkpoint folders: config.json, weights and a tokenizer's files, read into an encoder and written from
// one.
#ifndef METAPROMPT_CHECKPOINTS_CHECKPOINT_H_
#define METAPROMPT_CHECKPOINTS_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/params.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

struct Checkpoint {
  std::unique_ptr<Encoder> encoder;
  ParamList params;                 // the encoder's, float32
  std::string config_json;          // config.json as it was
  std::vector<std::string> unused;  // tensors that the encoder has no use for: poolers, next-sentence heads
};

// Reads a folder; memory peaks at the parameters' own size. Tensors may carry the architecture's prefix ("bert.") or
// not, and layer norms may call weight and bias gamma and beta. A missing head is no error (see Encoder). Errors name
// the tensor that is missing, left over or of another shape than config.json says; with `allow_unknown`, tensors left
// over are unused instead.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& folder, bool allow_unknown);

// A folder that transformers' AutoModelForMaskedLM (without a head: AutoModel) loads with the same outputs: the
// encoder's parameters in float32 under their Hugging Face names, config.json and the tokenizer's files. The folder is
// made where it is not there; it is for the caller that an unfinished one is not taken for whole.
absl::Status SaveCheckpoint(const std::string& folder, const Encoder& encoder, const ParamList& params,
                            const std::string& config_json, const TokenizerFiles& tokenizer);

// config.json of an encoder that was not read from a folder.
std::string ConfigJson(const EncoderConfig& config);

// One digest of all parameters, names and values: the same whatever kind of file they came from.
std::string ParamsSha256(const std::vector<ParamInfo>& infos, const ParamList& params);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_CHECKPOINT_H_

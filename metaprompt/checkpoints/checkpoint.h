// Reads an encoder from a Hugging Face checkpoint folder (config.json, weights, a tokenizer's files), or writes it to
// one.
#ifndef METAPROMPT_CHECKPOINTS_CHECKPOINT_H_
#define METAPROMPT_CHECKPOINTS_CHECKPOINT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/params.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

struct Checkpoint {
  std::unique_ptr<Encoder> encoder;
  ParamList params;                 // the encoder's, float32
  std::string config_json;          // the bytes of config.json
  std::vector<std::string> unused;  // tensors that the encoder does not need: poolers, next-sentence heads
};

// Reads a folder. The peak memory is the size of the parameters. The names of tensors may have the architecture's
// prefix ("bert.") or not. A layer norm's weight and bias may be called gamma and beta. The head may be missing (see
// Encoder). Errors name a tensor that is missing, is left over, has another shape than in config.json or contains
// numbers that are not finite. It is also an error if the decoder differs from the word embedding although config.json
// ties the two. With `allow_unknown`, tensors that are left over, and such a decoder, are ignored.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& folder, bool allow_unknown);

// Writes a folder with the encoder's parameters in float32 under their Hugging Face names, config.json and the
// tokenizer's files. transformers' AutoModelForMaskedLM (for causal models AutoModelForCausalLM, for encoder-decoders
// AutoModelForSeq2SeqLM, without a head AutoModel) loads it and computes the same outputs. Makes the folder if there is
// none. After an error the folder is incomplete, and the caller has to remove it.
absl::Status SaveCheckpoint(const std::string& folder, const Encoder& encoder, const ParamList& params,
                            const std::string& config_json, const TokenizerFiles& tokenizer);

// The contents of model.safetensors and of config.json that SaveCheckpoint writes. `type` is the type of the numbers in
// the weights: float32 or float16.
TensorFile CheckpointTensors(const Encoder& encoder, const ParamList& params);
std::string CheckpointConfig(const Encoder& encoder, const std::string& config_json, at::ScalarType type);

// The SHA-256 of the names and values of all parameters. It does not depend on the kind of file from which they were
// read.
std::string ParamsSha256(const std::vector<ParamInfo>& infos, const ParamList& params);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_CHECKPOINT_H_

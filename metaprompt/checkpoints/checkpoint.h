// Hugging Face checkpoint folders (config.json, weights, a tokenizer's files): an encoder is read from one, or written
// to one.
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

// Reads a folder. Memory peaks at the size of the parameters. The names of tensors may have the architecture's prefix
// ("bert.") or not, and a layer norm's weight and bias may be called gamma and beta. The head may be missing (see
// Encoder). Errors name a tensor that is missing, left over, of another shape than config.json gives it, or with
// numbers that are not finite, and a decoder that is not the word embedding although config.json ties the two. With
// `allow_unknown`, tensors that are left over, and such a decoder, are unused instead.
absl::StatusOr<Checkpoint> OpenCheckpoint(const std::string& folder, bool allow_unknown);

// Writes a folder that transformers' AutoModelForMaskedLM (for causal models: AutoModelForCausalLM; without a head:
// AutoModel) loads with the same outputs: the
// encoder's parameters in float32 under their Hugging Face names, config.json and the tokenizer's files. Makes the
// folder if there is none. After an error the folder is incomplete; the caller has to remove it.
absl::Status SaveCheckpoint(const std::string& folder, const Encoder& encoder, const ParamList& params,
                            const std::string& config_json, const TokenizerFiles& tokenizer);

// What SaveCheckpoint writes as model.safetensors and as config.json. `type` is that of the numbers in the file: float32
// or float16.
TensorFile CheckpointTensors(const Encoder& encoder, const ParamList& params);
std::string CheckpointConfig(const Encoder& encoder, const std::string& config_json, at::ScalarType type);

// The SHA-256 of all parameters, names and values. It does not depend on the kind of file that they came from.
std::string ParamsSha256(const std::vector<ParamInfo>& infos, const ParamList& params);

}  // namespace metaprompt

#endif  // METAPROMPT_CHECKPOINTS_CHECKPOINT_H_

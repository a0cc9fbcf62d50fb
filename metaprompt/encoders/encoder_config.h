// The config.json of a Hugging Face encoder, every architecture in one vocabulary. No tensors.
#ifndef METAPROMPT_ENCODERS_ENCODER_CONFIG_H_
#define METAPROMPT_ENCODERS_ENCODER_CONFIG_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

enum class Architecture { kBert, kDistilBert, kRoberta, kAlbert, kMpnet };

// kGelu is x Φ(x), kGeluTanh its approximation by tanh (Hendrycks and Gimpel 2016), kSilu x σ(x), kQuickGelu
// x σ(1.702 x).
enum class Activation { kGelu, kGeluTanh, kRelu, kSilu, kQuickGelu };

// The defaults below are BERT's; ParseEncoderConfig begins from the architecture's own.
struct EncoderConfig {
  Architecture architecture = Architecture::kBert;
  int64_t vocab_size = 30522;
  int64_t width = 768;            // of the hidden states; a multiple of `heads`
  int64_t embedding_width = 768;  // of the word, position and type tables: `width` but for ALBERT
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t intermediate = 3072;
  int64_t max_positions = 512;   // rows of the position table
  int64_t position_offset = 0;   // the first token's row: pad_token_id + 1 for RoBERTa, 2 for MPNet, else 0
  int64_t token_types = 2;       // 0 where there is no such table: DistilBERT, MPNet
  int64_t layer_groups = 12;     // layers of parameters of their own: num_hidden_groups of ALBERT, else `layers`
  int64_t inner_group_num = 1;   // ALBERT: layers run one after another at each of `layers`; else 1
  int64_t relative_buckets = 0;  // MPNet: distances that have a bias of their own; else 0
  Activation activation = Activation::kGelu;
  double layer_norm_eps = 1e-12;
  double initializer_range = 0.02;  // the standard deviation of new parameters
  bool tied = true;                 // the decoder's matrix is the word table
};

// "bert", "distilbert", "roberta", "albert" or "mpnet": the model_type of config.json.
absl::string_view ModelType(Architecture architecture);

// A field that is missing has the default that transformers 4.40 gives it for the architecture. A config older than
// model_type is known by `architectures`. Errors begin with `name`, the file's, and name the field: JSON that is not
// right, a type or a value out of range, an activation, architecture or option that there is no code for.
absl::StatusOr<EncoderConfig> ParseEncoderConfig(absl::string_view json, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_ENCODER_CONFIG_H_

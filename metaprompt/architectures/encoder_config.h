// The shape of an encoder and the choices within it, in one vocabulary for every architecture. No tensors.
#ifndef METAPROMPT_ARCHITECTURES_ENCODER_CONFIG_H_
#define METAPROMPT_ARCHITECTURES_ENCODER_CONFIG_H_

#include <cstdint>
#include <string>

namespace metaprompt {

// kGelu is x Φ(x), kGeluTanh its approximation by tanh (Hendrycks and Gimpel 2016), kSilu x σ(x), kQuickGelu
// x σ(1.702 x).
enum class Activation { kGelu, kGeluTanh, kRelu, kSilu, kQuickGelu };

// The defaults are BERT's; architectures.h has those of the others.
struct EncoderConfig {
  std::string model_type = "bert";  // config.json's name of the architecture: a row of architectures.inc
  int64_t vocab_size = 30522;
  int64_t width = 768;            // of the hidden states; a multiple of `heads`
  int64_t embedding_width = 768;  // of the word, position and type tables
  bool embedding_map = false;     // a dense layer leads from the embeddings to the first layer
  int64_t layers = 12;
  int64_t heads = 12;
  int64_t intermediate = 3072;
  int64_t max_positions = 512;   // rows of the position table
  int64_t position_offset = 0;   // the first token's row: pad_token_id + 1 for RoBERTa, 2 for MPNet, else 0
  int64_t token_types = 2;       // 0: there is no such table (DistilBERT, MPNet)
  int64_t layer_groups = 12;     // layers that have parameters: num_hidden_groups of ALBERT, else `layers`
  int64_t inner_group_num = 1;   // ALBERT: layers that run one after another at each of `layers`; else 1
  int64_t relative_buckets = 0;  // MPNet: classes of distances, each with a bias on attention; else 0
  Activation activation = Activation::kGelu;
  Activation head_activation = Activation::kGelu;  // of the MLM head's dense layer
  double layer_norm_eps = 1e-12;
  double initializer_range = 0.02;  // the standard deviation of new parameters
  bool tied = true;                 // the decoder's matrix is the word table
  double hidden_dropout = 0.1;      // rates in training
  double attention_dropout = 0.1;
  bool drops_attention = true;     // what attention adds to the hidden states is dropped too (not in DistilBERT)
  bool drops_feed_forward = true;  // and what the feed-forward half adds (not in ALBERT)
};

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_ENCODER_CONFIG_H_

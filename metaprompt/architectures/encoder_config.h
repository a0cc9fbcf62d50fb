// The shape of an encoder and the choices within it, in one vocabulary for every architecture. No tensors.
#ifndef METAPROMPT_ARCHITECTURES_ENCODER_CONFIG_H_
#define METAPROMPT_ARCHITECTURES_ENCODER_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace metaprompt {

// kGelu is x Φ(x), kGeluTanh its approximation by tanh (Hendrycks and Gimpel 2016), kSilu x σ(x), kQuickGelu
// x σ(1.702 x).
enum class Activation { kGelu, kGeluTanh, kRelu, kSilu, kQuickGelu };

// How the network learns where a token is: a vector that is added to its embedding, rotary positions (rotary.h), or
// neither of these.
enum class Positions { kAdded, kRotary, kNone };

// Disentangled attention (He et al. 2021, section 3.1): a token attends to another by what the two are and by vectors
// for the distance between them. The vectors are a table for all layers.
struct DisentangledConfig {
  int64_t farthest = 512;  // distances of at least this have no row of their own
  // Rows for each direction: up to half of this number a row per distance, then rows for distances that grow
  // geometrically up to `farthest`. 0: a row per distance.
  int64_t buckets = 0;
  bool content_to_position = false;  // what the query is, with where the key is
  bool position_to_content = false;  // what the key is, with where the query is
  bool shared = false;               // the vectors pass through the matrices of keys and queries, not through others
  bool norm = false;                 // a layer norm is applied to the table

  int64_t span() const { return buckets > 0 ? buckets : farthest; }  // the table has 2 span() rows
};

// The defaults are BERT's; architectures.h has those of the others.
struct EncoderConfig {
  std::string model_type = "bert";  // config.json's name of the architecture: a row of architectures.inc
  int64_t vocab_size = 30522;
  int64_t image_size = 0;         // height and width of an image in pixels; 0: the inputs are texts
  int64_t patch_size = 0;         // height and width of a patch
  int64_t channels = 0;           // of an image: 1 is grey, 3 red, green and blue
  int64_t width = 768;            // of the hidden states; a multiple of `heads`
  int64_t embedding_width = 768;  // of the word, position and type tables
  bool embedding_map = false;     // a dense layer leads from the embeddings to the first layer
  int64_t layers = 12;
  int64_t heads = 12;
  // Heads of keys and values; heads / key_heads neighbouring heads of queries share one (Ainslie et al. 2023). 0:
  // `heads`.
  int64_t key_heads = 0;
  int64_t intermediate = 3072;
  Positions positions = Positions::kAdded;
  int64_t max_positions = 512;   // rows of the position table; without one, the most tokens of a text
  int64_t position_offset = 0;   // the first token's row: pad_token_id + 1 for RoBERTa, 2 for MPNet, else 0
  int64_t token_types = 2;       // 0: there is no such table (DistilBERT, MPNet)
  int64_t layer_groups = 12;     // layers that have parameters: num_hidden_groups of ALBERT, else `layers`
  int64_t inner_group_num = 1;   // ALBERT: layers that run one after another at each of `layers`; else 1
  int64_t relative_buckets = 0;  // MPNet: classes of distances, each with a bias on attention; else 0
  std::optional<DisentangledConfig> disentangled;
  Activation activation = Activation::kGelu;
  Activation head_activation = Activation::kGelu;  // of the MLM head's dense layer
  double layer_norm_eps = 1e-12;
  bool rms_norm = false;       // norms are root-mean-square norms (rms_norm.h), which have no bias
  bool norm_bias = true;       // whether norms have a bias, and below, whether dense layers have one
  bool attention_bias = true;  // of queries, keys and values
  bool attention_out_bias = true;
  bool feed_forward_bias = true;
  bool head_bias = true;  // of the MLM head's dense layer
  bool decoder_bias = true;
  bool embedding_norm = true;  // whether a norm follows the embeddings
  // Each half of a layer norms what it reads, and a norm follows the last layer (Xiong et al. 2020). Otherwise each
  // half norms the sum of what it reads and what it computes.
  bool pre_norm = false;
  bool norm_before_first = true;      // with pre_norm: whether the first layer norms what its attention reads
  bool gated = false;                 // feed-forward layers are down(activation(up x) * gate x) (Shazeer 2020)
  double rotary_theta = 10000;        // θ of rotary positions
  double local_rotary_theta = 10000;  // θ in local layers
  // Which layers are local, one entry for each of `layers`; empty: none. A token attends there only to tokens at most
  // `window` before or after it.
  std::vector<bool> local_layers;
  int64_t window = 0;
  double initializer_range = 0.02;  // the standard deviation of new parameters
  bool other_head = false;          // the MLM head has the names of Architecture::other_head
  bool tied = true;                 // the decoder's matrix is the word table
  bool causal = false;          // a token attends to itself and to the tokens before it; the next token is predicted
  double hidden_dropout = 0.1;  // rates in training
  double attention_dropout = 0.1;
  bool drops_attention = true;     // what attention adds to the hidden states is dropped too (not in DistilBERT)
  bool drops_feed_forward = true;  // and what the feed-forward half adds (not in ALBERT)
  bool drops_inside_feed_forward = false;  // and the input of the feed-forward half's last product

  bool reads_images() const { return image_size > 0; }
  // The number of patches of an image.
  int64_t patches() const { return reads_images() ? (image_size / patch_size) * (image_size / patch_size) : 0; }
};

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_ENCODER_CONFIG_H_

// EncoderConfig: the sizes and options of an encoder, with the same names for all architectures. Contains no tensors.
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

// How positions enter the network: as a vector that is added to the embedding, as rotary positions (rotary.h), or in
// neither of these ways.
enum class Positions { kAdded, kRotary, kNone };

// Disentangled attention (He et al. 2021, section 3.1): attention scores depend on the contents of two tokens and on
// vectors for the distance between them. All layers share the table of distance vectors.
struct DisentangledConfig {
  int64_t farthest = 512;  // all distances from this on share a row (in each direction)
  // The number of rows per direction. Distances up to half of this number have a row each; the other rows are for
  // ranges of distances that grow geometrically up to `farthest`. 0: one row per distance.
  int64_t buckets = 0;
  bool content_to_position = false;  // a score of the query's content and the key's position
  bool position_to_content = false;  // a score of the key's content and the query's position
  bool shared = false;  // the distance vectors are multiplied by the matrices of keys and queries, not by separate ones
  bool norm = false;    // a layer norm is applied to the table

  int64_t span() const { return buckets > 0 ? buckets : farthest; }  // the table has 2 span() rows
};

// The defaults are BERT's. For other architectures, see Architecture::defaults.
struct EncoderConfig {
  std::string model_type = "bert";  // the architecture's name in config.json and architectures.inc
  int64_t vocab_size = 30522;
  int64_t image_size = 0;         // height and width of an image in pixels; 0: the inputs are texts
  int64_t patch_size = 0;         // height and width of a patch
  int64_t channels = 0;           // of an image: 1 for grey, 3 for red, green and blue
  int64_t width = 768;            // of the hidden states; a multiple of `heads` if head_width is 0
  int64_t embedding_width = 768;  // of the word, position and type tables
  bool embedding_map = false;     // whether a dense layer follows the embeddings
  int64_t layers = 12;
  int64_t decoder_layers = 0;  // of the decoder that reads the encoder's states (T5); 0: there is no decoder
  int64_t decoder_start = 0;   // the vocabulary id of the decoder's first token
  int64_t heads = 12;
  int64_t head_width = 0;  // of a head's queries, keys and values; 0: width / heads
  // The number of heads of keys and values. Each is shared by heads / key_heads neighbouring heads of queries (Ainslie
  // et al. 2023). 0: `heads`.
  int64_t key_heads = 0;
  int64_t intermediate = 3072;
  Positions positions = Positions::kAdded;
  int64_t max_positions = 512;  // rows of the position table; without a table, the maximum length of a text
  int64_t position_offset = 0;  // the first token's row: pad_token_id + 1 for RoBERTa, 2 for MPNet, otherwise 0
  int64_t token_types = 2;      // 0: there is no such table (DistilBERT, MPNet)
  int64_t layer_groups = 12;  // groups of layers that share parameters: ALBERT's num_hidden_groups, otherwise `layers`
  int64_t inner_group_num = 1;      // ALBERT: number of layers that each of `layers` consists of; otherwise 1
  int64_t relative_buckets = 0;     // MPNet, T5: rows of a table of biases on attention; otherwise 0
  int64_t distance_buckets = 32;    // the number of rows of that table that distances have (relative_buckets.h)
  int64_t farthest_distance = 128;  // all distances from about this one on have the same row
  std::optional<DisentangledConfig> disentangled;
  Activation activation = Activation::kGelu;
  Activation head_activation = Activation::kGelu;  // of the MLM head's dense layer
  double layer_norm_eps = 1e-12;
  bool rms_norm = false;       // whether norms are root-mean-square norms (rms_norm.h), which have no bias
  bool norm_bias = true;       // whether norms have a bias; below, whether dense layers have one
  bool attention_bias = true;  // of queries, keys and values
  bool attention_out_bias = true;
  bool feed_forward_bias = true;
  bool head_bias = true;  // of the MLM head's dense layer
  bool decoder_bias = true;
  bool embedding_norm = true;  // whether a norm follows the embeddings
  // Whether each half of a layer normalises its input, and a norm follows the last layer (Xiong et al. 2020). If false,
  // each half normalises the sum of its input and its result.
  bool pre_norm = false;
  bool norm_before_first = true;      // with pre_norm: whether there is a norm before the first layer's attention
  bool scaled_scores = true;          // whether the products of queries and keys are divided by √(head's width)
  bool gated = false;                 // whether feed-forward layers are down(activation(up x) * gate x) (Shazeer 2020)
  double rotary_theta = 10000;        // θ of rotary positions
  double local_rotary_theta = 10000;  // θ in local layers
  // For each layer, whether it is local; empty: none is. In a local layer, a token attends only to tokens that are at
  // most `window` tokens before or after it.
  std::vector<bool> local_layers;
  int64_t window = 0;
  double initializer_range = 0.02;  // the standard deviation of new parameters; used only in config.json
  bool other_head = false;          // whether the MLM head has the names in Architecture::other_head
  bool tied = true;                 // whether the head's matrix is the word embedding
  bool scaled_head = false;         // whether the states that the head reads are divided by √width (T5)
  bool causal = false;          // whether tokens attend only to themselves and earlier ones, and predict the next one
  double hidden_dropout = 0.1;  // rates of dropout in training
  double attention_dropout = 0.1;
  bool drops_attention = true;             // whether hidden_dropout applies to attention's result (not in DistilBERT),
  bool drops_feed_forward = true;          // to the feed-forward half's result (not in ALBERT),
  bool drops_inside_feed_forward = false;  // to the input of the feed-forward half's last product,
  bool drops_final = false;                // and to the result of the norm after the last layer (T5)

  bool reads_images() const { return image_size > 0; }
  bool has_decoder() const { return decoder_layers > 0; }
  // The width of a head, and that of the queries of all heads together.
  int64_t depth() const { return head_width > 0 ? head_width : width / heads; }
  int64_t attended() const { return heads * depth(); }
  // The number of patches of an image.
  int64_t patches() const { return reads_images() ? (image_size / patch_size) * (image_size / patch_size) : 0; }
};

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_ENCODER_CONFIG_H_

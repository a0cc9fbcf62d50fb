// EncoderLayout: the parameters of an encoder, with Hugging Face's names, and their indices ("places") in the list of
// parameters.
#ifndef METAPROMPT_ENCODERS_LAYOUT_H_
#define METAPROMPT_ENCODERS_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

struct Architecture;  // architectures.h
struct TensorNames;

constexpr size_t kNoParam = static_cast<size_t>(-1);

// The places of a layer's parameters. The bias of a matrix or norm, if it has one, comes directly after its weight. The
// place of a parameter that the architecture does not have is kNoParam.
struct LayerPlaces {
  size_t query = 0;
  size_t key = 0;
  size_t value = 0;
  size_t position_key = kNoParam;  // matrices for distance vectors; if shared, those of key and query
  size_t position_query = kNoParam;
  size_t attention_out = 0;
  size_t attention_norm = 0;
  size_t up = 0;
  size_t gate = kNoParam;  // only in gated layers
  size_t down = 0;
  size_t out_norm = 0;
  int number = 0;                // ParamInfo::layer of these parameters
  size_t query_lora = kNoParam;  // A of the matrix's low-rank update, directly before B: see AddLora
  size_t value_lora = kNoParam;
  size_t prefix_key = kNoParam;  // the prefix's key, directly before its value: see AddPrefixes
};

// The places of a decoder's layer: of its attention to the decoder's own tokens and its feed-forward half, and of its
// attention to the encoder's states. Of `cross`, only the places of attention are used.
struct DecoderPlaces {
  LayerPlaces own;
  LayerPlaces cross;
};

// A tensor of a checkpoint that contains several parameters, one after another along its outputs.
struct FusedTensor {
  std::string name;
  std::vector<size_t> parts;  // places
};

struct EncoderLayout {
  std::vector<ParamInfo> params;
  std::vector<bool> has_bias;  // for each place, whether the next place is its bias
  std::vector<FusedTensor> fused;
  bool inputs_first = false;      // whether checkpoints store the layers' matrices as [in, out]
  size_t words = 0;               // kNoParam for images
  size_t class_token = kNoParam;  // for images: [1, 1, D]
  size_t patches = kNoParam;      // for images: the dense layer of patches, [D, channels, height, width]
  size_t positions = kNoParam;    // the table of positions that are added; for images: [1, 1 + patches, D]
  size_t token_types = kNoParam;
  size_t embedding_norm = kNoParam;
  size_t embedding_map = kNoParam;  // a dense layer from the embeddings to the layers: ALBERT, ELECTRA
  size_t relative_bias = kNoParam;  // the [buckets, heads] of MPNet and T5
  size_t distances = kNoParam;      // disentangled attention's vectors: [2 span, D]
  size_t distance_norm = kNoParam;
  size_t final_norm = kNoParam;     // after the last layer, with pre_norm
  std::vector<LayerPlaces> layers;  // in the order in which they are applied; ALBERT's share places
  std::vector<DecoderPlaces> decoder_layers;
  size_t decoder_relative_bias = kNoParam;  // [buckets, heads], for its attention to its own tokens
  size_t decoder_final_norm = kNoParam;
  bool head = false;            // whether there is a head
  size_t transform = kNoParam;  // the MLM head's dense layer; kNoParam: its matrix reads the hidden states
  size_t transform_norm = kNoParam;
  size_t decoder = 0;              // [V, E]; the word embedding's place if the two are tied; kNoParam for images
  size_t decoder_bias = kNoParam;  // [V]

  // The bias of a weight, or kNoParam.
  size_t BiasOf(size_t weight) const { return has_bias[weight] ? weight + 1 : kNoParam; }

  // Whether the decoder was trained to read what Encoder::Transformed returns.
  bool has_head() const { return head; }

  // ParamInfo::layer of the head. The layers before it have the numbers from 1 on: the encoder's, then the decoder's.
  int head_layer() const;
};

// The table's entry for config.model_type, which must be there.
const Architecture& ArchitectureOf(const EncoderConfig& config);

// The names of the tensors, including those of the encoder's kind of head.
TensorNames TensorNamesOf(const EncoderConfig& config);

// The places and names of all parameters. Without a head, the word embedding is the decoder, with biases of 0.
EncoderLayout LayoutOf(const EncoderConfig& config, bool with_head);

// Adds low-rank updates (Hu et al. 2022, section 4.1) to the query and value matrices, those of a decoder's attention
// to the encoder's states too. Layers that share a matrix share its update. Sets the updates' places in `layout`, from
// `first` on in the model's list of parameters. Returns their infos: for each matrix [out, in], `lora.<matrix>.A`
// [rank, in] and `lora.<matrix>.B` [out, rank].
std::vector<ParamInfo> AddLora(int64_t rank, size_t first, EncoderLayout* layout);

// Adds a prefix of `length` keys and values to each layer. The layer's queries attend to them and to the keys of the
// text (Li and Liang 2021; Liu et al. 2022, P-tuning v2). Layers that share parameters have different prefixes. Sets
// the places and returns the infos, as AddLora does: for layer i, counted from 0 in the order of application,
// `prompt.prefix.<i>.key` and `prompt.prefix.<i>.value` [length, D], in the group kPrompt. D is the width of the
// layer's keys. In a decoder, the names contain `decoder.<i>` and, for attention to the encoder's states, `cross.<i>`.
std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first, EncoderLayout* layout);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_LAYOUT_H_

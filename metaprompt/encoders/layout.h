// The parameters of an encoder under the names that Hugging Face gives them, and their places in the parameter list.
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

// Places in the parameter list. The bias of a matrix or norm, if it has one, stands behind its weight. A norm that the
// architecture has not has no place, kNoParam.
struct LayerPlaces {
  size_t query = 0;
  size_t key = 0;
  size_t value = 0;
  size_t position_key = kNoParam;  // matrices for the vectors of distances; shared ones are those of key and query
  size_t position_query = kNoParam;
  size_t attention_out = 0;
  size_t attention_norm = 0;
  size_t up = 0;
  size_t gate = kNoParam;  // in gated layers
  size_t down = 0;
  size_t out_norm = 0;
  int number = 0;                // ParamInfo::layer of all of these
  size_t query_lora = kNoParam;  // A of the matrix's low-rank update, B behind it: see AddLora
  size_t value_lora = kNoParam;
  size_t prefix_key = kNoParam;  // of this layer alone, the value behind it: see AddPrefixes
};

// A tensor of a checkpoint that is several parameters, one after another: rows of matrices, or parts of a bias.
struct FusedTensor {
  std::string name;
  std::vector<size_t> parts;  // places
};

struct EncoderLayout {
  std::vector<ParamInfo> params;
  std::vector<bool> has_bias;  // for each place: whether the place behind it is its bias
  std::vector<FusedTensor> fused;
  bool inputs_first = false;      // whether checkpoints store the matrices of layers as [in, out]
  size_t words = 0;               // kNoParam for images
  size_t class_token = kNoParam;  // of images: [1, 1, D]
  size_t patches = kNoParam;      // of images: the dense layer of patches, [D, channels, height, width]
  size_t positions = kNoParam;    // the table of positions that are added; of images: [1, 1 + patches, D]
  size_t token_types = kNoParam;
  size_t embedding_norm = kNoParam;
  size_t embedding_map = kNoParam;  // a dense layer from the embeddings to the layers: ALBERT, ELECTRA
  size_t relative_bias = kNoParam;  // MPNet's [buckets, heads]
  size_t distances = kNoParam;      // of disentangled attention: [2 span, D]
  size_t distance_norm = kNoParam;
  size_t final_norm = kNoParam;     // behind the last layer, with pre_norm
  std::vector<LayerPlaces> layers;  // in the order they are applied; ALBERT's share their places
  bool head = false;                // whether there is a head
  size_t transform = kNoParam;      // the MLM head's dense layer; without it the decoder reads the hidden state
  size_t transform_norm = kNoParam;
  size_t decoder = 0;  // [V, E]; the place of the word embedding where the two are tied; kNoParam for images
  size_t decoder_bias = kNoParam;  // [V]

  // The bias of a weight, or kNoParam.
  size_t BiasOf(size_t weight) const { return has_bias[weight] ? weight + 1 : kNoParam; }

  // Whether the decoder was trained to read what Encoder::Transformed returns.
  bool has_head() const { return head; }
};

// The table's entry for config.model_type, which must be there.
const Architecture& ArchitectureOf(const EncoderConfig& config);

// The names of the tensors, with those of the head that the encoder has.
TensorNames TensorNamesOf(const EncoderConfig& config);

// The places and names of all parameters. Without a head the word embedding serves as the decoder, with biases of 0.
EncoderLayout LayoutOf(const EncoderConfig& config, bool with_head);

// Adds low-rank updates (Hu et al. 2022, section 4.1) to the query and value matrices; layers that share a matrix share
// its update. Sets their places in `layout`, from `first` on in the model's parameter list, and returns the parameters:
// for each matrix [out, in], `lora.<matrix>.A` [rank, in] and `lora.<matrix>.B` [out, rank].
std::vector<ParamInfo> AddLora(int64_t rank, size_t first, EncoderLayout* layout);

// Adds `length` keys and values to each layer, to which its queries attend beside those of the text (Li and Liang 2021;
// Liu et al. 2022, P-tuning v2). Layers that share parameters still have a prefix each. Sets places and returns the
// parameters as AddLora does: for layer i, counted from 0 in the order of application, `prompt.prefix.<i>.key` and
// `prompt.prefix.<i>.value` [length, D], in the group kPrompt. D is the width of the layer's keys.
std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first, EncoderLayout* layout);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_LAYOUT_H_

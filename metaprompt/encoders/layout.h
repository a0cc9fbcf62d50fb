// What parameters each architecture has, under the names that Hugging Face gives them, and where in the list they
// stand.
#ifndef METAPROMPT_ENCODERS_LAYOUT_H_
#define METAPROMPT_ENCODERS_LAYOUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "metaprompt/encoders/encoder_config.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

constexpr size_t kNoParam = static_cast<size_t>(-1);

// Places in the parameter list. A matrix's bias, and a layer norm's, stands behind its weight.
struct LayerPlaces {
  size_t query = 0;
  size_t key = 0;
  size_t value = 0;
  size_t attention_out = 0;
  size_t attention_norm = 0;
  size_t up = 0;
  size_t down = 0;
  size_t out_norm = 0;
  int number = 0;                // ParamInfo::layer of all of these
  size_t query_lora = kNoParam;  // A of the matrix's low-rank update, B behind it: see AddLora
  size_t value_lora = kNoParam;
  size_t prefix_key = kNoParam;  // the layer's own, the value behind it: see AddPrefixes
};

struct EncoderLayout {
  std::vector<ParamInfo> params;
  size_t words = 0;
  size_t positions = 0;
  size_t token_types = kNoParam;
  size_t embedding_norm = 0;
  size_t embedding_map = kNoParam;  // ALBERT's way from the embeddings' width to that of the layers
  size_t relative_bias = kNoParam;  // MPNet's [buckets, heads]
  std::vector<LayerPlaces> layers;  // in the order they are applied; ALBERT's share their places
  size_t transform = kNoParam;      // the MLM head's own layer; none: the decoder reads the hidden state as it is
  size_t transform_norm = kNoParam;
  size_t decoder = 0;              // [V, E]; the word embedding's own place where the two are tied
  size_t decoder_bias = kNoParam;  // [V]

  bool has_head() const { return transform != kNoParam; }
};

// Without a head the word embedding serves as the decoder, and its biases are 0.
EncoderLayout LayoutOf(const EncoderConfig& config, bool with_head);

// Low-rank updates (Hu et al. 2022, section 4.1) beside the query and value matrices: layers that share a matrix share
// its update. Sets their places in `layout`, from `first` on in the list of the model whose encoder it is, and returns
// what stands there: for each matrix [out, in], `lora.<matrix>.A` [rank, in] and `lora.<matrix>.B` [out, rank].
std::vector<ParamInfo> AddLora(int64_t rank, size_t first, EncoderLayout* layout);

// `length` keys and values of each layer's own, which its queries attend to beside the text's (Li and Liang 2021; Liu
// et al. 2022, P-tuning v2). Layers that share parameters have a prefix each. As AddLora: of layer i, counted from 0 as
// they are applied, `prompt.prefix.<i>.key` and `prompt.prefix.<i>.value` [length, D], in the group kPrompt.
std::vector<ParamInfo> AddPrefixes(int64_t length, size_t first, EncoderLayout* layout);

// The parameter that a checkpoint with an MLM head has: "cls.predictions.transform.dense.weight", ...
std::string TransformName(Architecture architecture);

// "bert.", "roberta.", ...: what stands before the names of the encoder proper in a model that has a head.
const char* BasePrefix(Architecture architecture);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_LAYOUT_H_

// Architecture: what distinguishes the architectures that checkpoints can have. All of them are the same network
// (metaprompt/encoders/encoder.h) with different options, and with different names for the fields of config.json and
// for the tensors. An Architecture contains these differences as data. Fields of config.json that need code are read
// and written by two functions.
//
// To add an architecture, write a file that fills in its Architecture, and add a row to architectures.inc. No other
// code depends on an encoder's architecture.
#ifndef METAPROMPT_ARCHITECTURES_ARCHITECTURES_H_
#define METAPROMPT_ARCHITECTURES_ARCHITECTURES_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// The names of EncoderConfig's fields in config.json. If the name is empty, config.json has no such field, and the
// value is the default.
struct FieldNames {
  absl::string_view width = "hidden_size";
  absl::string_view layers = "num_hidden_layers";
  absl::string_view heads = "num_attention_heads";
  absl::string_view intermediate = "intermediate_size";
  absl::string_view token_types = "type_vocab_size";
  absl::string_view activation = "hidden_act";
  absl::string_view layer_norm_eps = "layer_norm_eps";
  absl::string_view padding;          // the field's value is position_offset - 1
  absl::string_view embedding_width;  // empty: the value is `width`
  absl::string_view layer_groups;     // empty: the value is `layers`
  absl::string_view inner_group_num;
  absl::string_view relative_buckets;
  absl::string_view max_positions = "max_position_embeddings";
  absl::string_view hidden_dropout = "hidden_dropout_prob";  // empty: there is no such dropout
  absl::string_view attention_dropout = "attention_probs_dropout_prob";
};

// The names of the parameters in transformers' state dicts. A dense layer or layer norm NAME has NAME.weight and
// NAME.bias. A part of layer 3 is called base + layer + "3." + part.
struct TensorNames {
  absl::string_view base = "bert.";  // the prefix of the encoder's names in a model with a head
  absl::string_view words = "embeddings.word_embeddings";
  absl::string_view positions = "embeddings.position_embeddings";
  absl::string_view token_types = "embeddings.token_type_embeddings";
  absl::string_view embedding_norm = "embeddings.LayerNorm";
  absl::string_view class_token;               // only for images, the whole name of a tensor
  absl::string_view patches;                   // only for images, a dense layer
  absl::string_view embedding_map;             // empty if the architecture has no such layer
  absl::string_view layer = "encoder.layer.";  // the prefix of a layer's number
  absl::string_view inner_layer;               // ALBERT: the prefix of the number within the group; otherwise empty
  absl::string_view query = "attention.self.query";
  absl::string_view key = "attention.self.key";
  absl::string_view value = "attention.self.value";
  absl::string_view attention_out = "attention.output.dense";
  absl::string_view attention_norm = "attention.output.LayerNorm";
  absl::string_view up = "intermediate.dense";
  absl::string_view gate;  // in gated feed-forward layers, the matrix without the activation
  absl::string_view down = "output.dense";
  absl::string_view out_norm = "output.LayerNorm";
  absl::string_view final_norm;  // with pre_norm
  // For disentangled attention: a layer's matrices for distance vectors, the table of these vectors and its layer norm.
  absl::string_view position_key;
  absl::string_view position_query;
  absl::string_view distances;
  absl::string_view distance_norm;
  absl::string_view relative_bias;
  absl::string_view gated_up;  // `up` of gated feed-forward layers; empty: `up`
  // The second attention of a decoder's layer, which attends to the encoder's states.
  absl::string_view cross_query;
  absl::string_view cross_key;
  absl::string_view cross_value;
  absl::string_view cross_out;
  absl::string_view cross_norm;
  // Tensors that contain several dense layers. For example, "attn.Wqkv": the weights and biases of the dense layers
  // that are called "attn.Wqkv.NAME" above are rows of attn.Wqkv.weight and attn.Wqkv.bias, in the order of
  // EncoderLayout::params.
  std::vector<absl::string_view> fused;
  bool inputs_first = false;  // whether the layers' matrices are stored as [in, out] (GPT-2)
  // The head: its dense layer and layer norm, and the whole names of the decoder's matrix and bias.
  absl::string_view transform = "cls.predictions.transform.dense";
  absl::string_view transform_norm = "cls.predictions.transform.LayerNorm";
  absl::string_view decoder = "cls.predictions.decoder.weight";
  absl::string_view decoder_bias = "cls.predictions.bias";
};

// Alternative names of the MLM head, which some checkpoints have. Its decoder is always the word embedding.
struct OtherHead {
  absl::string_view unless;  // the flag in config.json that is true if the head has the names in TensorNames
  absl::string_view transform;
  absl::string_view transform_norm;
  absl::string_view decoder;  // not a prefix of any other tensor's name
  absl::string_view decoder_bias;
};

// How the decoder's input is computed from the last hidden states.
enum class HeadKind {
  kTransform,  // a dense layer, an activation and a norm: the head of a masked language model
  kNone,       // not at all, or scaled: the decoder's matrix reads the states (causal models, T5)
};

// Whether there is a dense layer between the embeddings and the first layer.
enum class EmbeddingMap { kNever, kWhereWidthsDiffer, kAlways };

// The tokenizer's algorithm and special tokens (tokenizers/files/tokenizer_folder.cc).
enum class TokenizerKind {
  kWordPiece,
  kMpnetWordPiece,
  kByteBpe,
  kModernByteBpe,
  kDebertaSentencePiece,
  kAlbertSentencePiece,
  kFairseqSentencePiece,
  kCamembertSentencePiece,
  kGpt2ByteBpe,
  kLlamaByteBpe,
  kQwen2ByteBpe,
  kT5SentencePiece,
  kNone,  // for an image encoder
};

// The defaults of the members are BERT's.
struct Architecture {
  absl::string_view model_type;    // the name in config.json, such as "xlm-roberta"
  absl::string_view class_prefix;  // of transformers' classes, such as "XLMRoberta" in XLMRobertaModel
  absl::string_view tokenizer_class = "BertTokenizer";  // in transformers; the fast tokenizer's name ends with "Fast"
  TokenizerKind tokenizer = TokenizerKind::kWordPiece;
  EncoderConfig defaults;  // the values of missing fields, as in transformers; layer_groups is computed from `layers`
  FieldNames fields;
  TensorNames tensors;
  std::optional<TensorNames> decoder_tensors;  // of an encoder-decoder: the names in its decoder's layers
  std::optional<OtherHead> other_head;
  EmbeddingMap embedding_map = EmbeddingMap::kNever;
  std::optional<Activation> head_activation;  // of the MLM head, if config.json does not determine it
  // Reads the fields that `fields` does not name, and reports unsupported values as errors. Called after the other
  // fields have been read.
  void (*read_more)(ConfigFields* fields, EncoderConfig* config) = nullptr;
  // Writes those fields.
  void (*write_more)(const EncoderConfig& config, nlohmann::ordered_json* json) = nullptr;
  HeadKind head = HeadKind::kTransform;
  absl::string_view head_class = "ForMaskedLM";    // the end of the name of transformers' class with a head
  std::vector<absl::string_view> refused_options;  // fields of config.json that must be false or missing
  // Parts of the names of tensors that are ignored, in addition to poolers and buffers: the heads of other tasks.
  std::vector<absl::string_view> unused;
};

namespace architectures {

#define ARCHITECTURE(Name) Architecture Name();
#include "metaprompt/architectures/architectures.inc"
#undef ARCHITECTURE

}  // namespace architectures

// All architectures, in the order of architectures.inc.
const std::vector<Architecture>& Architectures();

// The architecture with this model_type; null if there is none.
const Architecture* FindArchitecture(absl::string_view model_type);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_ARCHITECTURES_H_

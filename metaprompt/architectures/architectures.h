// The architectures that checkpoints can have. All are one network (metaprompt/encoders/encoder.h) with other options,
// and with other names for the fields of config.json and for the tensors. An Architecture lists what differs, as data,
// and has a function for what its config.json describes in a way of its own.
//
// To add one, write a file that fills in its Architecture, and add a row to architectures.inc. No other code depends on
// which architecture an encoder has.
#ifndef METAPROMPT_ARCHITECTURES_ARCHITECTURES_H_
#define METAPROMPT_ARCHITECTURES_ARCHITECTURES_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// What config.json calls the fields of EncoderConfig. Where the architecture has no such field the name is empty, and
// the value is the default.
struct FieldNames {
  absl::string_view width = "hidden_size";
  absl::string_view layers = "num_hidden_layers";
  absl::string_view heads = "num_attention_heads";
  absl::string_view intermediate = "intermediate_size";
  absl::string_view token_types = "type_vocab_size";
  absl::string_view activation = "hidden_act";
  absl::string_view layer_norm_eps = "layer_norm_eps";
  absl::string_view padding;          // the field is position_offset - 1
  absl::string_view embedding_width;  // without one it is `width`
  absl::string_view layer_groups;     // without one it is `layers`
  absl::string_view inner_group_num;
  absl::string_view relative_buckets;
  absl::string_view max_positions = "max_position_embeddings";
  absl::string_view hidden_dropout = "hidden_dropout_prob";  // empty: such dropout does not exist
  absl::string_view attention_dropout = "attention_probs_dropout_prob";
};

// What transformers' state dicts call the parameters. A dense layer or layer norm NAME has NAME.weight and NAME.bias; a
// part of layer 3 is base + layer + "3." + part.
struct TensorNames {
  absl::string_view base = "bert.";  // precedes the encoder's names in a model with a head
  absl::string_view words = "embeddings.word_embeddings";
  absl::string_view positions = "embeddings.position_embeddings";
  absl::string_view token_types = "embeddings.token_type_embeddings";
  absl::string_view embedding_norm = "embeddings.LayerNorm";
  absl::string_view class_token;  // of images, the whole name; empty for texts. So is patches, a dense layer
  absl::string_view patches;
  absl::string_view embedding_map;             // empty if the architecture has none; so is relative_bias
  absl::string_view layer = "encoder.layer.";  // precedes a layer's number
  absl::string_view inner_layer;               // ALBERT: precedes the number within the group; else empty
  absl::string_view query = "attention.self.query";
  absl::string_view key = "attention.self.key";
  absl::string_view value = "attention.self.value";
  absl::string_view attention_out = "attention.output.dense";
  absl::string_view attention_norm = "attention.output.LayerNorm";
  absl::string_view up = "intermediate.dense";
  absl::string_view gate;  // of gated feed-forward layers: the matrix that the activation is not applied to
  absl::string_view down = "output.dense";
  absl::string_view out_norm = "output.LayerNorm";
  absl::string_view final_norm;  // with pre_norm
  // Of disentangled attention: a layer's matrices for the vectors of distances, the table and its layer norm.
  absl::string_view position_key;
  absl::string_view position_query;
  absl::string_view distances;
  absl::string_view distance_norm;
  absl::string_view relative_bias;
  // Dense layers that are stored in one tensor. "attn.Wqkv": the weights and the biases of the layers named
  // "attn.Wqkv.NAME" are rows of attn.Wqkv.weight and attn.Wqkv.bias, in the order of EncoderLayout::params.
  std::vector<absl::string_view> fused;
  bool inputs_first = false;  // the layers' matrices are stored as [in, out] (GPT-2)
  // The MLM head: its dense layer and layer norm, and the whole names of the decoder's matrix and bias.
  absl::string_view transform = "cls.predictions.transform.dense";
  absl::string_view transform_norm = "cls.predictions.transform.LayerNorm";
  absl::string_view decoder = "cls.predictions.decoder.weight";
  absl::string_view decoder_bias = "cls.predictions.bias";
};

// Other names of the MLM head, whose decoder is always the word table.
struct OtherHead {
  absl::string_view unless;  // config.json's name of the flag that is true for the names in TensorNames
  absl::string_view transform;
  absl::string_view transform_norm;
  absl::string_view decoder;  // begins the names of no other tensor
  absl::string_view decoder_bias;
};

// What turns the last hidden states into the decoder's input.
enum class HeadKind {
  kTransform,  // a dense layer, an activation and a norm: the head of a masked language model
  kNone,       // nothing: the decoder reads the states (causal models). There is a head where there is a decoder
};

// When a dense layer leads from the embeddings to the first layer.
enum class EmbeddingMap { kNever, kWhereWidthsDiffer, kAlways };

// The tokenizer's algorithm and its special tokens (tokenizers/tokenizer_folder.cc).
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
  kNone,  // an encoder of images
};

// The defaults of the members are BERT's.
struct Architecture {
  absl::string_view model_type;                         // config.json's name: "xlm-roberta"
  absl::string_view class_prefix;                       // of transformers' classes: "XLMRoberta" in XLMRobertaModel
  absl::string_view tokenizer_class = "BertTokenizer";  // of transformers; the fast tokenizer's name adds "Fast"
  TokenizerKind tokenizer = TokenizerKind::kWordPiece;
  EncoderConfig defaults;  // what transformers takes for fields that are missing; layer_groups follows from `layers`
  FieldNames fields;
  TensorNames tensors;
  std::optional<OtherHead> other_head;
  EmbeddingMap embedding_map = EmbeddingMap::kNever;
  std::optional<Activation> head_activation;  // of the MLM head, if config.json does not choose it
  // Reads fields that `fields` does not name, and refuses what is not supported. Called after the others are read.
  void (*read_more)(ConfigFields* fields, EncoderConfig* config) = nullptr;
  // Writes those fields.
  void (*write_more)(const EncoderConfig& config, nlohmann::ordered_json* json) = nullptr;
  HeadKind head = HeadKind::kTransform;
  absl::string_view head_class = "ForMaskedLM";    // ends the name of transformers' class with a head
  std::vector<absl::string_view> refused_options;  // fields of config.json that must be false or missing
  // Parts of the names of tensors that are left unused, beside poolers and buffers: the heads of other tasks.
  std::vector<absl::string_view> unused;
};

namespace architectures {

#define ARCHITECTURE(Name) Architecture Name();
#include "metaprompt/architectures/architectures.inc"
#undef ARCHITECTURE

}  // namespace architectures

// All of them, in the order of architectures.inc.
const std::vector<Architecture>& Architectures();

// Null if no architecture has that model_type.
const Architecture* FindArchitecture(absl::string_view model_type);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_ARCHITECTURES_H_

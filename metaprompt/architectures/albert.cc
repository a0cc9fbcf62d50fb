// ALBERT (Lan et al. 2020): narrow embeddings, and layers that share their parameters.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture Albert() {
  Architecture albert;
  albert.model_type = "albert";
  albert.class_prefix = "Albert";
  albert.tokenizer_class = "AlbertTokenizer";
  albert.tokenizer = TokenizerKind::kAlbertSentencePiece;
  albert.embedding_map = EmbeddingMap::kAlways;
  albert.unused = {"sop_classifier."};

  albert.defaults.vocab_size = 30000;
  albert.defaults.embedding_width = 128;
  albert.defaults.width = 4096;
  albert.defaults.heads = 64;
  albert.defaults.intermediate = 16384;
  albert.defaults.layer_groups = 1;
  albert.defaults.activation = Activation::kGeluTanh;
  albert.defaults.hidden_dropout = 0;
  albert.defaults.attention_dropout = 0;
  albert.defaults.drops_feed_forward = false;

  albert.fields.embedding_width = "embedding_size";
  albert.fields.layer_groups = "num_hidden_groups";
  albert.fields.inner_group_num = "inner_group_num";

  TensorNames& tensors = albert.tensors;
  tensors.base = "albert.";
  tensors.embedding_map = "encoder.embedding_hidden_mapping_in";
  tensors.layer = "encoder.albert_layer_groups.";
  tensors.inner_layer = "albert_layers.";
  tensors.query = "attention.query";
  tensors.key = "attention.key";
  tensors.value = "attention.value";
  tensors.attention_out = "attention.dense";
  tensors.attention_norm = "attention.LayerNorm";
  tensors.up = "ffn";
  tensors.down = "ffn_output";
  tensors.out_norm = "full_layer_layer_norm";
  tensors.transform = "predictions.dense";
  tensors.transform_norm = "predictions.LayerNorm";
  tensors.decoder = "predictions.decoder.weight";
  tensors.decoder_bias = "predictions.bias";
  return albert;
}

}  // namespace metaprompt::architectures

// DistilBERT (Sanh et al. 2019): BERT without token types, and with different names for everything.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture DistilBert() {
  Architecture distil;
  distil.model_type = "distilbert";
  distil.class_prefix = "DistilBert";
  distil.tokenizer_class = "DistilBertTokenizer";

  distil.defaults.layers = 6;
  distil.defaults.token_types = 0;
  distil.defaults.drops_attention = false;

  distil.fields.width = "dim";
  distil.fields.layers = "n_layers";
  distil.fields.heads = "n_heads";
  distil.fields.intermediate = "hidden_dim";
  distil.fields.token_types = "";
  distil.fields.activation = "activation";
  distil.fields.hidden_dropout = "dropout";
  distil.fields.attention_dropout = "attention_dropout";
  distil.fields.layer_norm_eps = "";  // always 1e-12; config.json cannot change it

  TensorNames& tensors = distil.tensors;
  tensors.base = "distilbert.";
  tensors.layer = "transformer.layer.";
  tensors.query = "attention.q_lin";
  tensors.key = "attention.k_lin";
  tensors.value = "attention.v_lin";
  tensors.attention_out = "attention.out_lin";
  tensors.attention_norm = "sa_layer_norm";
  tensors.up = "ffn.lin1";
  tensors.down = "ffn.lin2";
  tensors.out_norm = "output_layer_norm";
  tensors.transform = "vocab_transform";
  tensors.transform_norm = "vocab_layer_norm";
  tensors.decoder = "vocab_projector.weight";
  tensors.decoder_bias = "vocab_projector.bias";
  return distil;
}

}  // namespace metaprompt::architectures

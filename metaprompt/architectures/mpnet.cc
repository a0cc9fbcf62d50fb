// MPNet (Song et al. 2020): RoBERTa's head, BERT's tokenizer with RoBERTa's special tokens, no token types, and a bias
// on attention for the distance between two tokens.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture Mpnet() {
  Architecture mpnet = Roberta();
  mpnet.model_type = "mpnet";
  mpnet.class_prefix = "MPNet";
  mpnet.tokenizer_class = "MPNetTokenizer";
  mpnet.tokenizer = TokenizerKind::kMpnetWordPiece;

  mpnet.defaults.vocab_size = 30527;
  mpnet.defaults.token_types = 0;
  mpnet.defaults.relative_buckets = 32;
  mpnet.fields.token_types = "";
  mpnet.fields.padding = "";  // transformers' code takes it for 1, whatever config.json has
  mpnet.fields.relative_buckets = "relative_attention_num_buckets";

  TensorNames& tensors = mpnet.tensors;
  tensors.base = "mpnet.";
  tensors.query = "attention.attn.q";
  tensors.key = "attention.attn.k";
  tensors.value = "attention.attn.v";
  tensors.attention_out = "attention.attn.o";
  tensors.attention_norm = "attention.LayerNorm";
  tensors.relative_bias = "encoder.relative_attention_bias.weight";
  return mpnet;
}

}  // namespace metaprompt::architectures

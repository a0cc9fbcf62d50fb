// MPNet (Song et al. 2020): RoBERTa with BERT's tokenizer (but RoBERTa's special tokens), without token types, and with
// a bias on attention that depends on the distance between two tokens.
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
  mpnet.fields.padding = "";  // always 1 in transformers' code; config.json cannot change it
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

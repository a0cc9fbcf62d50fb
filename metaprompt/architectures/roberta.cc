// RoBERTa (Liu et al. 2019): BERT's network with GPT-2's tokenizer, and positions that begin after the padding token's
// id.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture Roberta() {
  Architecture roberta;
  roberta.model_type = "roberta";
  roberta.class_prefix = "Roberta";
  roberta.tokenizer_class = "RobertaTokenizer";
  roberta.tokenizer = TokenizerKind::kByteBpe;

  roberta.defaults.vocab_size = 50265;
  roberta.defaults.position_offset = 2;
  roberta.fields.padding = "pad_token_id";
  roberta.head_activation = Activation::kGelu;

  roberta.tensors.base = "roberta.";
  roberta.tensors.transform = "lm_head.dense";
  roberta.tensors.transform_norm = "lm_head.layer_norm";
  roberta.tensors.decoder = "lm_head.decoder.weight";
  roberta.tensors.decoder_bias = "lm_head.bias";
  return roberta;
}

}  // namespace metaprompt::architectures

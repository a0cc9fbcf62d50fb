// CamemBERT (Martin et al. 2020): RoBERTa in French, with a sentencepiece tokenizer that fairseq renumbers in another
// way than XLM-RoBERTa's.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture Camembert() {
  Architecture camembert = Roberta();
  camembert.model_type = "camembert";
  camembert.class_prefix = "Camembert";
  camembert.tokenizer_class = "CamembertTokenizer";
  camembert.tokenizer = TokenizerKind::kCamembertSentencePiece;
  camembert.defaults.vocab_size = 30522;
  return camembert;
}

}  // namespace metaprompt::architectures

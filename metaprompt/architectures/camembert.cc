// CamemBERT (Martin et al. 2020): RoBERTa for French, with a sentencepiece tokenizer whose ids fairseq renumbers
// differently from XLM-RoBERTa's.
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

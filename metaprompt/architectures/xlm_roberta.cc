// XLM-RoBERTa (Conneau et al. 2020): RoBERTa for a hundred languages, with a sentencepiece tokenizer.
#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {

Architecture XlmRoberta() {
  Architecture xlm = Roberta();
  xlm.model_type = "xlm-roberta";
  xlm.class_prefix = "XLMRoberta";
  xlm.tokenizer_class = "XLMRobertaTokenizer";
  xlm.tokenizer = TokenizerKind::kFairseqSentencePiece;
  xlm.defaults.vocab_size = 30522;
  return xlm;
}

}  // namespace metaprompt::architectures

// XLM-RoBERTa's tokenizer (Conneau et al. 2020): a sentencepiece model whose ids fairseq has renumbered. The slow
// XLMRobertaTokenizer of `transformers`, which runs the sentencepiece library as we do, is the reference. A piece of
// unknown characters is <unk>, even if it spells a special token.
#ifndef METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_
#define METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// The pieces by fairseq's ids: <s>, <pad>, </s>, <unk>, then the model's from its fourth on, and last <mask>. An error,
// which begins with `name`, if the model does not begin with <unk>, <s>, </s>, or has one of the added pieces.
absl::StatusOr<std::vector<std::string>> FairseqPieces(const Tokenizer& sentencepiece, absl::string_view name);

// `parts.pieces` begin with FairseqPieces(*sentencepiece).
std::unique_ptr<Tokenizer> MakeFairseq(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_

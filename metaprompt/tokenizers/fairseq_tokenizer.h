// The tokenizers of XLM-RoBERTa (Conneau et al. 2020) and CamemBERT (Martin et al. 2020): sentencepiece models whose
// ids fairseq has renumbered. The references are the slow XLMRobertaTokenizer and CamembertTokenizer of `transformers`,
// which use the sentencepiece library too. A sequence of unknown characters is <unk>, even if it spells a special
// token.
#ifndef METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_
#define METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// The model whose numbering is used.
enum class FairseqIds { kXlmRoberta, kCamembert };

// The pieces with the lowest ids: <s>, <pad>, </s>, <unk> for XLM-RoBERTa, and <s>NOTUSED, <pad>, </s>NOTUSED, <unk>,
// <unk>NOTUSED, <s>, </s> for CamemBERT.
std::vector<std::string> FairseqFirst(FairseqIds ids);

// The pieces in the order of fairseq's ids: FairseqFirst, the model's pieces from the fourth on, and <mask>. It is an
// error, which begins with `name`, if the model's first pieces are not <unk>, <s>, </s>, or if the model has one of the
// added pieces.
absl::StatusOr<std::vector<std::string>> FairseqPieces(FairseqIds ids, const Tokenizer& sentencepiece,
                                                       absl::string_view name);

// `parts.pieces` must begin with FairseqPieces(ids, *sentencepiece).
std::unique_ptr<Tokenizer> MakeFairseq(FairseqIds ids, std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_

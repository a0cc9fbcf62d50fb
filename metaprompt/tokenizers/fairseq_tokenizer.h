// The tokenizers of XLM-RoBERTa (Conneau et al. 2020) and CamemBERT (Martin et al. 2020): sentencepiece models whose
// ids fairseq has renumbered. The slow XLMRobertaTokenizer and CamembertTokenizer of `transformers`, which run the
// sentencepiece library as we do, are the reference. A piece of unknown characters is <unk>, even if it spells a
// special token.
#ifndef METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_
#define METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// Whose numbering it is.
enum class FairseqIds { kXlmRoberta, kCamembert };

// The pieces with the lowest ids: <s>, <pad>, </s>, <unk>, or CamemBERT's <s>NOTUSED, <pad>, </s>NOTUSED, <unk>,
// <unk>NOTUSED, <s>, </s>. The fourth is <unk> in both.
std::vector<std::string> FairseqFirst(FairseqIds ids);

// The pieces by fairseq's ids: FairseqFirst, then the model's from its fourth on, and last <mask>. An error, which
// begins with `name`, if the model does not begin with <unk>, <s>, </s>, or has one of the added pieces.
absl::StatusOr<std::vector<std::string>> FairseqPieces(FairseqIds ids, const Tokenizer& sentencepiece,
                                                       absl::string_view name);

// `parts.pieces` begin with FairseqPieces(ids, *sentencepiece).
std::unique_ptr<Tokenizer> MakeFairseq(FairseqIds ids, std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_FAIRSEQ_TOKENIZER_H_

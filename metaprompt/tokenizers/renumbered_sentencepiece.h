// A sentencepiece model with other ids and with added tokens after its pieces: the tokenizer of XLM-RoBERTa, CamemBERT,
// DeBERTa-v2 and -v3. The references are their slow tokenizers in `transformers` 4.40, which use the sentencepiece
// library too.
#ifndef METAPROMPT_TOKENIZERS_RENUMBERED_SENTENCEPIECE_H_
#define METAPROMPT_TOKENIZERS_RENUMBERED_SENTENCEPIECE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// ids[i] is the new id of the model's piece i, an index into parts.pieces.
std::unique_ptr<Tokenizer> MakeRenumberedSentencePiece(std::unique_ptr<Tokenizer> sentencepiece,
                                                       std::vector<int64_t> ids, TokenizerParts parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_RENUMBERED_SENTENCEPIECE_H_

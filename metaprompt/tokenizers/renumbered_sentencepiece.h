// A sentencepiece model whose ids are renumbered, with added tokens behind its pieces: the tokenizers of XLM-RoBERTa,
// CamemBERT and DeBERTa-v2 and -v3. Their slow tokenizers of `transformers` 4.40, which run the sentencepiece library
// as we do, are the reference.
#ifndef METAPROMPT_TOKENIZERS_RENUMBERED_SENTENCEPIECE_H_
#define METAPROMPT_TOKENIZERS_RENUMBERED_SENTENCEPIECE_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// ids[i] is the id of the model's piece i, an index into parts.pieces.
std::unique_ptr<Tokenizer> MakeRenumberedSentencePiece(std::unique_ptr<Tokenizer> sentencepiece,
                                                       std::vector<int64_t> ids, TokenizerParts parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_RENUMBERED_SENTENCEPIECE_H_

// WordPiece, BERT's tokenizer (Devlin et al. 2019): splits each word of the cleaned text into the longest possible
// pieces. The reference is the fast tokenizer of `transformers`, including its old Unicode tables (see unicode.h).
#ifndef METAPROMPT_TOKENIZERS_WORDPIECE_H_
#define METAPROMPT_TOKENIZERS_WORDPIECE_H_

#include <memory>

#include "metaprompt/tokenizers/bert_words.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// `parts` must have [UNK].
std::unique_ptr<Tokenizer> MakeWordPiece(TokenizerParts parts, const WordPieceOptions& options);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_WORDPIECE_H_

// BERT's tokenizer (Devlin et al. 2019): the words of the cleaned text, each cut into the longest possible pieces. The
// fast tokenizer of `transformers` is the reference, including the age of its Unicode tables (see unicode.h).
#ifndef METAPROMPT_TOKENIZERS_WORDPIECE_H_
#define METAPROMPT_TOKENIZERS_WORDPIECE_H_

#include <memory>

#include "metaprompt/tokenizers/bert_words.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// `parts` has [UNK].
std::unique_ptr<Tokenizer> MakeWordPiece(TokenizerParts parts, const WordPieceOptions& options);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_WORDPIECE_H_

// A sentencepiece model whose ids are used as they are, with added tokens behind its pieces: the tokenizer of
// DeBERTa-v2 and -v3 (He et al. 2021). The slow DebertaV2Tokenizer of `transformers` 4.40, which runs the sentencepiece
// library as we do, is the reference.
#ifndef METAPROMPT_TOKENIZERS_OWN_IDS_SENTENCEPIECE_H_
#define METAPROMPT_TOKENIZERS_OWN_IDS_SENTENCEPIECE_H_

#include <memory>

#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

// `parts.pieces` begin with the model's.
std::unique_ptr<Tokenizer> MakeOwnIdsSentencePiece(std::unique_ptr<Tokenizer> sentencepiece, TokenizerParts parts);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_OWN_IDS_SENTENCEPIECE_H_

// TokenizerParts: what all tokenizers of checkpoint folders have, for any algorithm.
#ifndef METAPROMPT_TOKENIZERS_TOKENIZER_PARTS_H_
#define METAPROMPT_TOKENIZERS_TOKENIZER_PARTS_H_

#include <string>
#include <vector>

#include "metaprompt/tokenizers/added_tokens.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

struct TokenizerParts {
  std::vector<std::string> pieces;  // by id, without duplicates
  size_t model_pieces = 0;          // pieces from this id on are added tokens, which the algorithm never returns
  SpecialIds special;
  std::vector<AddedToken> added;  // including special tokens
  TokenizerFiles files;
};

// For each id, whether `Encode` must not return it: true for [CLS], [SEP], [MASK] and [PAD].
inline std::vector<bool> NeverEncoded(const TokenizerParts& parts) {
  std::vector<bool> never(parts.pieces.size());
  for (const int64_t id : {parts.special.cls, parts.special.sep, parts.special.mask, parts.special.pad}) {
    if (id >= 0) {
      never[static_cast<size_t>(id)] = true;
    }
  }
  return never;
}

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_TOKENIZER_PARTS_H_

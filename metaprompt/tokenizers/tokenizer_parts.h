// What every tokenizer of a checkpoint folder is made from, whatever its algorithm.
#ifndef METAPROMPT_TOKENIZERS_TOKENIZER_PARTS_H_
#define METAPROMPT_TOKENIZERS_TOKENIZER_PARTS_H_

#include <string>
#include <vector>

#include "metaprompt/tokenizers/added_tokens.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

struct TokenizerParts {
  std::vector<std::string> pieces;  // by id, no two alike
  size_t model_pieces = 0;          // those from there on are added tokens, which the algorithm doesn't know
  SpecialIds special;
  std::vector<AddedToken> added;  // special tokens among them
  TokenizerFiles files;
};

// For `Encode`, which gives none of them: [CLS], [SEP], [MASK] and [PAD]. By id.
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

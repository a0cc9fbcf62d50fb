// How to ask an encoder for a word: the special tokens around a text, and the token at which the answer is read.
#ifndef METAPROMPT_PROMPTS_FRAMING_H_
#define METAPROMPT_PROMPTS_FRAMING_H_

#include <cstdint>
#include <vector>

#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// All ids are vocabulary ids. The answer is read at the slot.
struct Framing {
  std::vector<int64_t> before;  // the first tokens of every input
  std::vector<int64_t> after;   // the last tokens of every input
  int64_t slot = 0;             // the token in place of the missing word
};

// The framing of a masked language model: [CLS] ... [MASK] ... [SEP], by whatever names the tokenizer has for these
// tokens.
inline Framing FramingOf(const Tokenizer& tokenizer) {
  const SpecialIds special = tokenizer.special();
  return {{special.cls}, {special.sep}, special.mask};
}

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_FRAMING_H_

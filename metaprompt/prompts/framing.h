// How an encoder is asked for a word: which special tokens stand around a text, and where the answer is read.
#ifndef METAPROMPT_PROMPTS_FRAMING_H_
#define METAPROMPT_PROMPTS_FRAMING_H_

#include <cstdint>
#include <vector>

#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// Vocabulary ids. The answer is read at the slot.
struct Framing {
  std::vector<int64_t> before;  // what an input begins with
  std::vector<int64_t> after;   // what it ends with
  int64_t slot = 0;             // what stands for the word that is asked for
};

// A masked language model's: [CLS] ... [MASK] ... [SEP], under the names that the tokenizer has for them.
inline Framing FramingOf(const Tokenizer& tokenizer) {
  const SpecialIds special = tokenizer.special();
  return {{special.cls}, {special.sep}, special.mask};
}

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_FRAMING_H_

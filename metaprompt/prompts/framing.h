// How to ask an encoder for a word: the special tokens around a text, and the token at which the answer is read.
#ifndef METAPROMPT_PROMPTS_FRAMING_H_
#define METAPROMPT_PROMPTS_FRAMING_H_

#include <cstdint>
#include <vector>

#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// All ids are vocabulary ids.
struct Framing {
  enum class Read {
    kSlot,  // at the token `slot`, which stands in place of the missing word
    kLast,  // at the last token: a causal model predicts what comes next. There is no slot
  };

  std::vector<int64_t> before;  // the first tokens of every input
  std::vector<int64_t> after;   // the last tokens of every input; none with kLast
  Read read = Read::kSlot;
  int64_t slot = 0;
};

// The framing of a masked language model is [CLS] ... [MASK] ... [SEP], by whatever names the tokenizer has for these
// tokens. The tokenizer of a causal model has no mask; a text may begin with a special token.
inline Framing FramingOf(const Tokenizer& tokenizer) {
  const SpecialIds special = tokenizer.special();
  Framing framing;
  if (special.cls >= 0) {
    framing.before.push_back(special.cls);
  }
  if (special.sep >= 0) {
    framing.after.push_back(special.sep);
  }
  framing.read = special.mask >= 0 ? Framing::Read::kSlot : Framing::Read::kLast;
  framing.slot = special.mask;
  return framing;
}

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_FRAMING_H_

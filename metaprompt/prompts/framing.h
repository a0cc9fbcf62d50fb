// Framing: how to ask an encoder for a word. It consists of the special tokens around a text and of the token at which
// the answer is read.
#ifndef METAPROMPT_PROMPTS_FRAMING_H_
#define METAPROMPT_PROMPTS_FRAMING_H_

#include <cstdint>
#include <vector>

#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// All ids are vocabulary ids.
struct Framing {
  enum class Read {
    kSlot,  // at the token `slot`, which replaces the missing word
    kLast,  // at the last token, where a causal model predicts the next one; there is no slot
  };

  std::vector<int64_t> before;  // the first tokens of every input
  std::vector<int64_t> after;   // the last tokens of every input; none with kLast
  Read read = Read::kSlot;
  int64_t slot = 0;
  // For an encoder-decoder: the decoder's first tokens. The answer follows the last of them, and is read there.
  std::vector<int64_t> decoder;
};

// The framing of a masked language model is [CLS] ... [MASK] ... [SEP]. (Tokenizers have different names for these
// tokens.) The tokenizer of a causal model has no mask, and may have a special token at the beginning. T5 was trained
// to repeat the slot in the decoder, and to write there what is missing (Raffel et al. 2020, section 3.1.4).
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
  if (special.decoder_start >= 0) {
    framing.decoder = {special.decoder_start, special.mask};
  }
  return framing;
}

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_FRAMING_H_

// The tokenizer of GPT-2 (Radford et al. 2019) and RoBERTa: a pattern cuts the text into words, whose bytes are
// merged pair by pair. The fast tokenizer of `transformers` is the reference.
#ifndef METAPROMPT_TOKENIZERS_BYTE_BPE_H_
#define METAPROMPT_TOKENIZERS_BYTE_BPE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/tokenizer_parts.h"

namespace metaprompt {

struct ByteBpeOptions {
  bool add_prefix_space = false;  // before a text that starts without one
  bool compose = false;           // texts are brought into Unicode's normal form C first
  bool added_words = false;       // added tokens that are not special are looked for in every text
  bool ignore_merges = false;     // a word that is a piece is that piece, whatever merging would make of it
  int llama_digits = 0;           // words are those of llama_words.h, with numbers of so many digits; 0: GPT-2's
};

// Two pieces that become one; the first merges have priority.
using BpeMerges = std::vector<std::pair<std::string, std::string>>;

// The pieces spell bytes by GPT-2's characters. As in the reference, a byte for which there is no piece is left out of
// texts. It is an error if a merge's pieces are missing; it names the merge as a line of `name`, counted from
// `first_line`.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeByteBpe(TokenizerParts parts, const BpeMerges& merges,
                                                       const ByteBpeOptions& options, absl::string_view name,
                                                       size_t first_line);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_BYTE_BPE_H_

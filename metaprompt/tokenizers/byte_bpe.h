// Byte-level BPE, the tokenizer of GPT-2 (Radford et al. 2019), RoBERTa and others: a pattern splits the text into
// words, whose bytes are merged in pairs. The reference is the fast tokenizer of `transformers`.
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
  bool add_prefix_space = false;  // whether to add a space before a text that does not start with one
  bool compose = false;           // whether texts are first converted to Unicode's normal form C
  bool added_words = false;       // whether Encode too searches for added tokens that are not special
  bool ignore_merges = false;     // whether a word that is a piece becomes this piece without merging
  int llama_digits = 0;           // maximum digits of a number in the pattern of llama_words.h; 0: GPT-2's pattern
};

// Pairs of pieces that are merged. Earlier pairs have priority.
using BpeMerges = std::vector<std::pair<std::string, std::string>>;

// In the pieces, each byte is written as GPT-2's character for it. As in the reference, bytes without a piece are left
// out of texts. It is an error if a merge's pieces are missing. The error names the merge as a line of the file `name`,
// where the first merge is line `first_line`.
absl::StatusOr<std::unique_ptr<Tokenizer>> MakeByteBpe(TokenizerParts parts, const BpeMerges& merges,
                                                       const ByteBpeOptions& options, absl::string_view name,
                                                       size_t first_line);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_BYTE_BPE_H_

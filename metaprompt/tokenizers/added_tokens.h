// Tokens that are looked for in a text before it is tokenized: special tokens, and others that a checkpoint adds.
#ifndef METAPROMPT_TOKENIZERS_ADDED_TOKENS_H_
#define METAPROMPT_TOKENIZERS_ADDED_TOKENS_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace metaprompt {

struct AddedToken {
  std::string content;  // not empty
  int64_t id = 0;
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // and after it
  bool single_word = false;  // not within a word
  bool normalized = false;   // looked for in the normalized text
  bool special = false;
};

// A part of a text: an added token (id >= 0), or the text between two (-1).
struct TextPart {
  int64_t id = -1;
  absl::string_view text;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // No two of the same content.
  explicit AddedTokens(std::vector<AddedToken> tokens);
  bool empty() const { return tokens_.empty(); }
  // Cuts valid UTF-8 at the tokens, the longest at the leftmost place first. Parts of text are never empty.
  std::vector<TextPart> Split(absl::string_view text) const;

 private:
  const AddedToken* At(absl::string_view rest) const;

  std::vector<AddedToken> tokens_;     // longest first
  std::array<bool, 256> starts_ = {};  // bytes that a token starts with
};

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_ADDED_TOKENS_H_

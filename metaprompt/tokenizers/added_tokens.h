// AddedTokens: tokens that are searched for in a text before it is tokenised: special tokens, and other tokens that a
// checkpoint adds.
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
  bool lstrip = false;       // whether it takes in the white space before it,
  bool rstrip = false;       // and the white space after it
  bool single_word = false;  // whether it is not found within a word
  bool normalized = false;   // whether it is searched for in the normalised text
  bool special = false;
};

// A part of a text: an added token (id >= 0), or text between added tokens (id -1).
struct TextPart {
  int64_t id = -1;
  absl::string_view text;
};

class AddedTokens {
 public:
  AddedTokens() = default;
  // No two tokens may have the same content.
  explicit AddedTokens(std::vector<AddedToken> tokens);
  bool empty() const { return tokens_.empty(); }
  // Splits valid UTF-8 at the tokens: from left to right, at each place by the longest token. No part is empty.
  std::vector<TextPart> Split(absl::string_view text) const;

 private:
  const AddedToken* At(absl::string_view rest) const;

  std::vector<AddedToken> tokens_;     // longest first
  std::array<bool, 256> starts_ = {};  // the first bytes of tokens
};

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_ADDED_TOKENS_H_

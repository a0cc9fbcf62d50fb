// Added tokens as the slow tokenizers of `transformers`, which are written in Python, look for them.
#ifndef METAPROMPT_TOKENIZERS_SLOW_ADDED_TOKENS_H_
#define METAPROMPT_TOKENIZERS_SLOW_ADDED_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/added_tokens.h"

namespace metaprompt {

class SlowAddedTokens {
 public:
  // An added token (id >= 0), or the text between two (-1), which is not empty.
  struct Part {
    int64_t id = -1;
    std::string text;
  };

  // No two of the same content.
  explicit SlowAddedTokens(std::vector<AddedToken> tokens);

  // Cuts valid UTF-8 at the tokens, the longest at the leftmost place first. Only then the tokens' flags apply: a token
  // takes the white space beside it, or becomes text because it stands within a word.
  std::vector<Part> Split(absl::string_view text) const;

 private:
  void ApplyFlags(std::vector<std::string>* parts) const;

  std::vector<AddedToken> tokens_;
  absl::flat_hash_map<std::string, size_t> by_content_;  // places in tokens_
  AddedTokens plain_;                                    // without flags
};

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_SLOW_ADDED_TOKENS_H_

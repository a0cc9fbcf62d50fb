// SlowAddedTokens: searches for added tokens as the slow tokenizers of `transformers` do, which are written in Python.
#ifndef METAPROMPT_TOKENIZERS_SLOW_ADDED_TOKENS_H_
#define METAPROMPT_TOKENIZERS_SLOW_ADDED_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "metaprompt/tokenizers/added_tokens.h"

namespace metaprompt {

class SlowAddedTokens {
 public:
  // An added token (id >= 0), or text between added tokens (id -1), which is not empty.
  struct Part {
    int64_t id = -1;
    std::string text;
  };

  // No two tokens may have the same content.
  explicit SlowAddedTokens(std::vector<AddedToken> tokens);

  // Splits valid UTF-8 at the tokens: from left to right, at each place by the longest token. Then the tokens' flags
  // are applied: a token may include the white space next to it, or become text again because it is within a word.
  std::vector<Part> Split(absl::string_view text) const;

  // The ids of valid UTF-8: those of the added tokens in it, and those that `append` adds for the text between them.
  std::vector<int64_t> Encode(absl::string_view text,
                              absl::FunctionRef<void(absl::string_view, std::vector<int64_t>*)> append) const;

 private:
  void ApplyFlags(std::vector<std::string>* parts) const;

  std::vector<AddedToken> tokens_;
  absl::flat_hash_map<std::string, size_t> by_content_;  // places in tokens_
  AddedTokens plain_;                                    // without flags
};

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_SLOW_ADDED_TOKENS_H_

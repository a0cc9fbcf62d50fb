#include "experiments/runs/words.h"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>

namespace metaprompt {

std::vector<std::string> WordsOf(absl::string_view text) {
  const auto* const bytes = reinterpret_cast<const uint8_t*>(text.data());
  std::vector<std::string> words;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    UChar32 c = 0;
    U8_NEXT(bytes, at, text.size(), c);
    if (c < 0 || u_isalnum(c) == 0) {
      in_word = false;
      continue;
    }
    if (!in_word) {
      words.emplace_back();
    }
    in_word = true;
    uint8_t lower[U8_MAX_LENGTH];
    size_t length = 0;
    U8_APPEND_UNSAFE(lower, length, u_tolower(c));
    words.back().append(reinterpret_cast<const char*>(lower), length);
  }
  return words;
}

}  // namespace metaprompt

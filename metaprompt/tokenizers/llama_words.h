// The patterns by which the tokenizers of Llama 3 and Qwen2 split texts into words, before byte-level BPE.
#ifndef METAPROMPT_TOKENIZERS_LLAMA_WORDS_H_
#define METAPROMPT_TOKENIZERS_LLAMA_WORDS_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace metaprompt {

// The patterns in tokenizer.json. They differ in the length of numbers: \p{N}{1,3} in Llama 3, \p{N} in Qwen2.
extern const char kLlama3Pattern[];
extern const char kQwen2Pattern[];

// The end of the word of the pattern that starts at `begin` < text.size(). `text` is valid UTF-8. A number has at most
// `digits` digits.
size_t LlamaWordEnd(absl::string_view text, size_t begin, int digits);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_LLAMA_WORDS_H_

// The words of the tokenizers of Llama 3 and Qwen2, which byte-level BPE merges.
#ifndef METAPROMPT_TOKENIZERS_LLAMA_WORDS_H_
#define METAPROMPT_TOKENIZERS_LLAMA_WORDS_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace metaprompt {

// The pattern as tokenizer.json has it, with \p{N}{1,3} for numbers of three digits (Llama 3), or \p{N} (Qwen2).
extern const char kLlama3Pattern[];
extern const char kQwen2Pattern[];

// The end of the word that starts at `begin` < text.size(), where the pattern cuts valid UTF-8. A number has at most
// `digits` digits.
size_t LlamaWordEnd(absl::string_view text, size_t begin, int digits);

}  // namespace metaprompt

#endif  // METAPROMPT_TOKENIZERS_LLAMA_WORDS_H_

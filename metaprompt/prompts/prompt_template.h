// What stands around a text: words, soft vectors, and the slot at which the answer is read.
#ifndef METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_
#define METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// A text in its prompt.
struct PromptedText {
  std::vector<int64_t> ids;  // vocabulary ids; -1 - s for soft vector s
  int64_t read_at = 0;       // place of the slot in ids
  int64_t text_begin = 0;    // the text itself is ids[text_begin], ..., ids[text_end - 1]
  int64_t text_end = 0;
};

// A template in the tokens of one tokenizer: [CLS], words and soft vectors, the text, words and soft vectors, [SEP],
// with the slot before or after the text.
class PromptTemplate {
 public:
  // `max_tokens` is the largest number of tokens of a whole input. A checkpoint's special tokens may be spelled among
  // the template's words, as in `{text} [SEP] {mask}`; in a text they are text. The error names the field and what is
  // wrong with it.
  static absl::StatusOr<PromptTemplate> Create(const PromptSpec& spec, const Tokenizer& tokenizer, int64_t max_tokens);

  // Soft vectors, numbered from 0 in their order in the template.
  int64_t num_soft() const { return num_soft_; }

  // What to put before a text when it is tokenised: " " where the template has a space there, for tokenizers that
  // encode a word after a space otherwise than a word after nothing (byte-level BPE).
  const std::string& text_prefix() const { return text_prefix_; }

  // The text in the prompt. Where the whole is too long, the text is cut at its end, never the prompt.
  PromptedText Apply(const std::vector<int64_t>& text) const;

 private:
  PromptTemplate() = default;

  std::vector<int64_t> before_;
  std::vector<int64_t> after_;
  int64_t num_soft_ = 0;
  int64_t mask_ = 0;  // place in before_, or, if not below its size, in after_ behind that
  int64_t max_text_ = 0;
  std::string text_prefix_;
};

// Checks a template without a tokenizer.
absl::Status CheckTemplate(absl::string_view text);

// For each soft vector, the vocabulary ids whose mean it begins as, from PromptSpec.init_words: one word for all
// vectors, or one for each; empty where the spec has no words. The error names the field.
absl::StatusOr<std::vector<std::vector<int64_t>>> InitWordIds(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                              int64_t num_soft);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_

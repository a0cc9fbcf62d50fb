// Prompt templates: the words and soft vectors around a text, and the slot at which the answer is read.
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
  int64_t read_at = 0;       // index of the slot in ids
  int64_t text_begin = 0;    // the text itself is ids[text_begin], ..., ids[text_end - 1]
  int64_t text_end = 0;
};

// A template as tokens of one tokenizer: [CLS], words and soft vectors, the text, words and soft vectors, [SEP]. The
// slot is before or after the text.
class PromptTemplate {
 public:
  // `max_tokens` is the maximum length of an input in tokens, prompt included. A checkpoint's special tokens may be
  // written among the template's words, as in `{text} [SEP] {mask}`. Inside a text they are ordinary words. The error
  // names the field and what is wrong with it.
  static absl::StatusOr<PromptTemplate> Create(const PromptSpec& spec, const Tokenizer& tokenizer, int64_t max_tokens);

  // The number of soft vectors. They are numbered from 0, in their order in the template.
  int64_t num_soft() const { return num_soft_; }

  // What to put before a text when it is tokenised: " " if the template has a space there, else "". It matters to
  // tokenizers that encode a word after a space differently from the first word of a string (byte-level BPE).
  const std::string& text_prefix() const { return text_prefix_; }

  // The text, given as vocabulary ids, in the prompt. If the result would be too long, the end of the text is cut,
  // never the prompt.
  PromptedText Apply(const std::vector<int64_t>& text) const;

 private:
  PromptTemplate() = default;

  std::vector<int64_t> before_;
  std::vector<int64_t> after_;
  int64_t num_soft_ = 0;
  int64_t mask_ = 0;      // index of the slot in before_ followed by after_
  int64_t max_text_ = 0;  // tokens of a text
  std::string text_prefix_;
};

// Checks a template's syntax, which needs no tokenizer.
absl::Status CheckTemplate(absl::string_view text);

// The words from which the soft vectors start (PromptSpec.init_words), as vocabulary ids. A soft vector starts as the
// mean of the word vectors of its ids. The spec has either one word for all soft vectors or one per soft vector;
// without words, the result is empty. The error names the field.
absl::StatusOr<std::vector<std::vector<int64_t>>> InitWordIds(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                              int64_t num_soft);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_

// What stands around a text (template), and what a class is called at the mask (verbalizer).
#ifndef METAPROMPT_PROMPTS_PROMPT_H_
#define METAPROMPT_PROMPTS_PROMPT_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// A template in the tokens of one tokenizer: [CLS], words and soft slots, the text, words and soft slots, [SEP], with
// the mask before or after the text.
class PromptTemplate {
 public:
  // `max_tokens` bounds the whole input. A checkpoint's special tokens may be spelled among the template's words, as in
  // `{text} [SEP] {mask}`; in a text they are text. The error names the field and what is wrong with it.
  static absl::StatusOr<PromptTemplate> Create(const PromptSpec& spec, const Tokenizer& tokenizer, int64_t max_tokens);

  // Soft vectors, numbered from 0 in their order in the template.
  int64_t num_soft() const { return num_soft_; }

  // What to put before a text when it is tokenised: " " where the template has a space there, for tokenizers to which a
  // word after a space is another than one after nothing (byte-level BPE).
  const std::string& text_prefix() const { return text_prefix_; }

  // The text in the prompt, cut at its end where the whole is too long; never the prompt. Ids are vocabulary ids, and
  // -1 - s for soft vector s.
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

// The vocabulary ids that each soft vector begins as the mean of, from PromptSpec.init_words: one word for all, or one
// for each; none where there are no words. The error names the field.
absl::StatusOr<std::vector<std::vector<int64_t>>> InitWordIds(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                              int64_t num_soft);

// What a spec's answers must be, by the labels of all classes of the data: one entry a label, each a class's. The error
// names the label.
absl::Status CheckAnswers(const VerbalizerSpec& spec, const std::set<std::string>& labels);

// The vocabulary ids whose mean logit is the class's: those of the answer words that the spec has for its label, or
// else of its name's words, each as it stands inside a sentence. Every id weighs the same, so that a word of several
// pieces weighs more than one of a single piece. The error names the class if there is no word.
absl::StatusOr<std::vector<int64_t>> AnswerIds(const VerbalizerSpec& spec, const Tokenizer& tokenizer,
                                               absl::string_view label, absl::string_view class_name);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_PROMPT_H_

// Prompt templates: the words and soft vectors around the texts of an example, and the slot at which the answer is
// read.
#ifndef METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_
#define METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// A text inside PromptedText::ids: ids[begin], ..., ids[end - 1].
struct TextPlace {
  int64_t begin = 0;
  int64_t end = 0;
};

// An example in its prompt.
struct PromptedText {
  std::vector<int64_t> ids;  // vocabulary ids; -1 - s for soft vector s
  int64_t read_at = 0;       // index in ids of the token at which the answer is read (framing.h)
  // The template's texts, in their order in the template.
  std::vector<TextPlace> texts = {};
  bool cut = false;  // whether a text lost tokens to fit
};

// A template as tokens of one tokenizer: [CLS], then words, soft vectors, the slot and one or more texts in the
// template's order, then [SEP]. All is one segment: every token has the token type 0, also in a template of two texts.
// For a causal model there are no special tokens and no slot. {mask} is the end of the template, where the answer
// follows, and the answer is read at the token before it.
class PromptTemplate {
 public:
  // `max_tokens` is the maximum length of an input in tokens, prompt included. A checkpoint's special tokens may be
  // written among the template's words, as in `{text} [SEP] {text_b} {mask}`. Inside a text they are ordinary words.
  // `names`: what the template calls the texts of an example, in the order in which the example has them. The template
  // need not use all. The error names the field and what is wrong with it: with the tokenizer of a causal model, also a
  // {mask} that is not the end, and a template without words and soft vectors, which an empty text would leave empty.
  static absl::StatusOr<PromptTemplate> Create(const PromptSpec& spec, const Tokenizer& tokenizer, int64_t max_tokens,
                                               const std::vector<std::string>& names = {"text"});

  // The number of soft vectors. They are numbered from 0, in their order in the template.
  int64_t num_soft() const { return num_soft_; }

  const std::vector<std::string>& names() const { return names_; }

  // An example in the prompt: names().size() texts, joined by JoinTexts. A text behind a space in the template is
  // tokenised with that space, which matters to tokenizers that encode a word after a space differently from the first
  // word of a string (byte-level BPE).
  //
  // If the result would be too long, the ends of texts are cut, never the prompt. Several texts share the room as in
  // Hugging Face's fast tokenizers with `longest_first`: the longest is cut first, down to the length of the next one,
  // and then they are cut together. What does not divide evenly goes to the longer texts; of texts that are equally
  // long, to the later one in the template.
  PromptedText Fill(const Tokenizer& tokenizer, absl::string_view example) const;

  // The same for texts that are vocabulary ids already, one per text of the template and in its order.
  PromptedText Assemble(const std::vector<std::vector<int64_t>>& texts) const;

  // Assemble for a template of one text.
  PromptedText Apply(const std::vector<int64_t>& text) const;

 private:
  // A text of the template.
  struct Slot {
    size_t place = 0;    // in names()
    std::string prefix;  // what is put before the text when it is tokenised: " " or ""
  };

  PromptTemplate() = default;

  std::vector<std::string> names_;
  std::vector<Slot> slots_;
  std::vector<std::vector<int64_t>> words_;  // [slots + 1]: before the first text, between two texts, after the last
  int64_t num_soft_ = 0;
  size_t mask_words_ = 0;  // the mask is words_[mask_words_][mask_]
  int64_t mask_ = 0;       // -1: the token before words_[mask_words_]
  int64_t max_text_ = 0;   // tokens of all texts together
};

// Checks a template's syntax, which needs no tokenizer. `names` are those of PromptTemplate::Create.
absl::Status CheckTemplate(absl::string_view text, const std::vector<std::string>& names = {"text"});

// Those of `names` that the template uses, in the order of `names`; all of them if the template is not correct.
std::vector<std::string> UsedNames(absl::string_view text, const std::vector<std::string>& names);

// How many tokens of each text are kept so that they are `room` together, as described at PromptTemplate::Fill. `room`
// is at least the number of texts.
std::vector<int64_t> SharedRoom(const std::vector<int64_t>& lengths, int64_t room);

// The words from which the soft vectors start (PromptSpec.init_words), as vocabulary ids. A soft vector starts as the
// mean of the word vectors of its ids. The spec has either one word for all soft vectors or one per soft vector;
// without words, the result is empty. The error names the field.
absl::StatusOr<std::vector<std::vector<int64_t>>> InitWordIds(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                              int64_t num_soft);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_

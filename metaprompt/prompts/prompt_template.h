// PromptTemplate: the words and soft vectors around the texts of an example, and the place at which the answer is read.
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
  // The places of the example's texts, in their order in the template.
  std::vector<TextPlace> texts = {};
  bool cut = false;  // whether a text lost tokens to fit
};

// A template as the tokens of one tokenizer: [CLS], then words, soft vectors, the slot and one or more texts in the
// template's order, then [SEP]. There is only one segment: every token has the token type 0, also in a template of two
// texts. For a causal model there is no slot, and no special token except perhaps the first. {mask} must be the end of
// the template, where the answer follows, and the answer is read at the token before it. For an encoder-decoder, [CLS]
// is missing, and the answer is read in the decoder.
class PromptTemplate {
 public:
  // `max_tokens` is the maximum length of an input in tokens, prompt included. A checkpoint's special tokens may be
  // written among the template's words, as in `{text} [SEP] {text_b} {mask}`. Inside a text they are ordinary words.
  // `names` are the template's names for the texts of an example, in the order of the example's texts. The template
  // need not use all of them. The error names the field and what is wrong with it. With the tokenizer of a causal
  // model, two more templates are errors: one in which {mask} is not the end, and one without any words and soft
  // vectors, which has no token if the text is empty.
  static absl::StatusOr<PromptTemplate> Create(const PromptSpec& spec, const Tokenizer& tokenizer, int64_t max_tokens,
                                               const std::vector<std::string>& names = {"text"});

  // The number of soft vectors. They are numbered from 0, in their order in the template.
  int64_t num_soft() const { return num_soft_; }

  const std::vector<std::string>& names() const { return names_; }

  // Framing::decoder: for an encoder-decoder, the decoder's first tokens; otherwise empty.
  const std::vector<int64_t>& decoder() const { return decoder_; }

  // Puts an example (names().size() texts, joined by JoinTexts) into the prompt. If there is a space before a text in
  // the template, the text is tokenised with this space. That matters for tokenizers that encode a word after a space
  // differently from the first word of a string (byte-level BPE).
  //
  // If the result would be too long, the ends of texts are cut, but never the prompt. Several texts are cut as by
  // Hugging Face's fast tokenizers with `longest_first`: the longest is cut first, down to the length of the next one,
  // and then both are cut equally, and so on. If the room does not divide evenly, the longer texts keep the rest; of
  // equally long texts, the later one in the template.
  PromptedText Fill(const Tokenizer& tokenizer, absl::string_view example) const;

  // The same for texts that have already been tokenised: one per text of the template, in the template's order.
  PromptedText Assemble(const std::vector<std::vector<int64_t>>& texts) const;

  // Assemble for a template of one text.
  PromptedText Apply(const std::vector<int64_t>& text) const;

 private:
  // A text of the template.
  struct Slot {
    size_t place = 0;    // index in names()
    std::string prefix;  // what is put before the text when it is tokenised: " " or ""
  };

  PromptTemplate() = default;

  std::vector<std::string> names_;
  std::vector<Slot> slots_;
  std::vector<std::vector<int64_t>> words_;  // [slots + 1]: before the first text, between two texts, after the last
  int64_t num_soft_ = 0;
  size_t mask_words_ = 0;  // the mask is words_[mask_words_][mask_]
  int64_t mask_ = 0;       // -1: the token before words_[mask_words_]
  int64_t max_text_ = 0;   // maximum number of tokens of all texts together
  std::vector<int64_t> decoder_;
};

// Checks a template's syntax, which needs no tokenizer. `names` are those of PromptTemplate::Create.
absl::Status CheckTemplate(absl::string_view text, const std::vector<std::string>& names = {"text"});

// The names that the template uses, in the order of `names`. All of `names` if the template is not correct.
std::vector<std::string> UsedNames(absl::string_view text, const std::vector<std::string>& names);

// How many tokens of each text are kept so that all texts together have at most `room` tokens: see
// PromptTemplate::Fill.
std::vector<int64_t> SharedRoom(const std::vector<int64_t>& lengths, int64_t room);

// For each soft vector, the vocabulary ids of the word from which it starts (PromptSpec.init_words). It starts as the
// mean of the ids' word vectors. The spec has either one word for all soft vectors or one word per soft vector. If it
// has none, the result is empty. The error names the field.
absl::StatusOr<std::vector<std::vector<int64_t>>> InitWordIds(const PromptSpec& spec, const Tokenizer& tokenizer,
                                                              int64_t num_soft);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_PROMPT_TEMPLATE_H_

// Turns labelled texts into the tokens of a classifier's input.
#ifndef EXPERIMENTS_FINE_TUNING_TOKENIZE_TEXTS_H_
#define EXPERIMENTS_FINE_TUNING_TOKENIZE_TEXTS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "experiments/fine_tuning/fine_tuning.pb.h"
#include "experiments/fine_tuning/labelled_inputs.h"
#include "experiments/fine_tuning/text_split.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/prompts/framing.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// The tokens around a text. For MASK these come from the spec's template, otherwise they are the special tokens of
// every input: [CLS] text [SEP], or, for pairs, [CLS] text [SEP] text_b [SEP].
class TextFrame {
 public:
  // `names`: Dataset::text_names. Errors name the field: a template that is wrong; a template or a max_tokens that
  // leaves no room for text; a causal model whose `read` is not MASK.
  static absl::StatusOr<TextFrame> Create(const FineTuningSpec& spec, const Tokenizer& tokenizer,
                                          const Encoder& encoder, const std::vector<std::string>& names);

  // An example in its frame. If it is too long, the ends of texts are cut, as by PromptTemplate::Fill.
  PromptedText Fill(const Tokenizer& tokenizer, const std::string& example) const;

 private:
  int64_t max_text_ = 0;  // tokens of all texts together
  Framing framing_;
  std::optional<PromptTemplate> template_;  // for MASK
};

class TokenizedTexts : public LabelledInputs {
 public:
  // One label per text.
  TokenizedTexts(std::vector<PromptedText> texts, std::vector<int64_t> labels);

  const char* kind() const override { return "texts"; }
  int64_t TokensOf(int64_t i) const override;
  Inputs Of(absl::Span<const int64_t> which, at::ScalarType type) const override;

  // The number of texts that were too long.
  int64_t cut() const;

 private:
  std::vector<PromptedText> texts_;
};

TokenizedTexts Tokenized(const std::vector<LabelledText>& labelled, const Tokenizer& tokenizer, const TextFrame& frame);

}  // namespace metaprompt

#endif  // EXPERIMENTS_FINE_TUNING_TOKENIZE_TEXTS_H_

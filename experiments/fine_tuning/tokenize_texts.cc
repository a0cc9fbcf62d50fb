#include "experiments/fine_tuning/tokenize_texts.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/base/example_texts.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {

absl::StatusOr<TextFrame> TextFrame::Create(const FineTuningSpec& spec, const Tokenizer& tokenizer,
                                            const Encoder& encoder, const std::vector<std::string>& names) {
  const int64_t max_tokens = MaxTokens(encoder, spec.max_tokens());
  TextFrame frame;
  if (spec.read() == FineTuningSpec::MASK) {
    PromptSpec prompt;
    prompt.set_template_(spec.template_());
    absl::StatusOr<PromptTemplate> made = PromptTemplate::Create(prompt, tokenizer, max_tokens, names);
    if (!made.ok()) {
      return absl::Status(made.status().code(), absl::StripPrefix(made.status().message(), "model.prompt."));
    }
    frame.template_ = *std::move(made);
    return frame;
  }
  frame.framing_ = FramingOf(tokenizer);
  if (frame.framing_.read == Framing::Read::kLast) {
    return absl::InvalidArgumentError(
        absl::StrCat("read is ", FineTuningSpec::Read_Name(spec.read()),
                     "; a causal model's tokens see only those before them, so read must be MASK, which reads the last "
                     "token of the template"));
  }
  const auto texts = static_cast<int64_t>(names.size());
  const auto around =
      static_cast<int64_t>(frame.framing_.before.size()) + texts * static_cast<int64_t>(frame.framing_.after.size());
  frame.max_text_ = max_tokens - around;
  if (frame.max_text_ < texts) {
    return absl::InvalidArgumentError(absl::StrCat("max_tokens is ", max_tokens, "; with the ", around,
                                                   " special tokens of every input it must be >= ", around + texts));
  }
  return frame;
}

PromptedText TextFrame::Fill(const Tokenizer& tokenizer, const std::string& example) const {
  if (template_.has_value()) {
    return template_->Fill(tokenizer, example);
  }
  std::vector<std::vector<int64_t>> texts;
  std::vector<int64_t> lengths;
  for (const absl::string_view text : SplitTexts(example)) {
    texts.push_back(tokenizer.Encode(text));
    lengths.push_back(static_cast<int64_t>(texts.back().size()));
  }
  const std::vector<int64_t> kept = SharedRoom(lengths, max_text_);
  PromptedText framed;
  framed.ids = framing_.before;
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto begin = static_cast<int64_t>(framed.ids.size());
    framed.ids.insert(framed.ids.end(), texts[i].begin(), texts[i].begin() + kept[i]);
    framed.texts.push_back({begin, begin + kept[i]});
    framed.cut = framed.cut || kept[i] < lengths[i];
    framed.ids.insert(framed.ids.end(), framing_.after.begin(), framing_.after.end());
  }
  return framed;
}

TokenizedTexts::TokenizedTexts(std::vector<PromptedText> texts, std::vector<int64_t> labels)
    : LabelledInputs(std::move(labels)), texts_(std::move(texts)) {
  TORCH_CHECK(static_cast<int64_t>(texts_.size()) == size(), "TokenizedTexts: ", texts_.size(), " texts with ", size(),
              " labels");
}

int64_t TokenizedTexts::TokensOf(int64_t i) const {
  return static_cast<int64_t>(texts_[static_cast<size_t>(i)].ids.size());
}

Inputs TokenizedTexts::Of(absl::Span<const int64_t> which, at::ScalarType /*type*/) const {
  std::vector<PromptedText> some;
  for (const int64_t i : which) {
    some.push_back(texts_[static_cast<size_t>(i)]);
  }
  return PackTexts(some, Answers());
}

int64_t TokenizedTexts::cut() const {
  return std::count_if(texts_.begin(), texts_.end(), [](const PromptedText& text) { return text.cut; });
}

TokenizedTexts Tokenized(const std::vector<LabelledText>& labelled, const Tokenizer& tokenizer,
                         const TextFrame& frame) {
  std::vector<PromptedText> texts;
  for (const LabelledText& one : labelled) {
    texts.push_back(frame.Fill(tokenizer, one.text));
  }
  return {std::move(texts), LabelsOf(labelled)};
}

}  // namespace metaprompt

#include "experiments/fine_tuning/tokenize_texts.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "experiments/workbench/model_assembly.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/model/model.pb.h"

namespace metaprompt {

absl::StatusOr<TextFrame> TextFrame::Create(const FineTuningSpec& spec, const Tokenizer& tokenizer,
                                            const Encoder& encoder) {
  const int64_t max_tokens = MaxTokens(encoder, spec.max_tokens());
  TextFrame frame;
  if (spec.read() == FineTuningSpec::MASK) {
    PromptSpec prompt;
    prompt.set_template_(spec.template_());
    absl::StatusOr<PromptTemplate> made = PromptTemplate::Create(prompt, tokenizer, max_tokens);
    if (!made.ok()) {
      return absl::Status(made.status().code(), absl::StripPrefix(made.status().message(), "model.prompt."));
    }
    frame.template_ = *std::move(made);
    return frame;
  }
  frame.framing_ = FramingOf(tokenizer);
  const auto around = static_cast<int64_t>(frame.framing_.before.size() + frame.framing_.after.size());
  frame.max_text_ = max_tokens - around;
  if (frame.max_text_ < 1) {
    return absl::InvalidArgumentError(absl::StrCat("max_tokens is ", max_tokens, "; with the ", around,
                                                   " special tokens of every input it must be >= ", around + 1));
  }
  return frame;
}

PromptedText TextFrame::Apply(const std::vector<int64_t>& text) const {
  if (template_.has_value()) {
    return template_->Apply(text);
  }
  const auto length = std::min(static_cast<int64_t>(text.size()), max_text_);
  PromptedText framed;
  framed.ids = framing_.before;
  framed.text_begin = static_cast<int64_t>(framed.ids.size());
  framed.text_end = framed.text_begin + length;
  framed.ids.insert(framed.ids.end(), text.begin(), text.begin() + length);
  framed.ids.insert(framed.ids.end(), framing_.after.begin(), framing_.after.end());
  return framed;
}

TokenizedTexts Tokenized(const std::vector<LabelledText>& labelled, const Tokenizer& tokenizer,
                         const TextFrame& frame) {
  TokenizedTexts all;
  const std::string prefix = frame.text_prefix();
  for (const LabelledText& one : labelled) {
    const std::vector<int64_t> ids = tokenizer.Encode(prefix + one.text);
    all.texts.push_back(frame.Apply(ids));
    all.labels.push_back(one.label);
    const PromptedText& framed = all.texts.back();
    all.cut += framed.text_end - framed.text_begin < static_cast<int64_t>(ids.size()) ? 1 : 0;
  }
  return all;
}

}  // namespace metaprompt

#include "metaprompt/prompts/pack_texts.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace metaprompt {

TextInputs PackTexts(absl::Span<const PromptedText> texts, Answers answers, int64_t uncounted) {
  const auto count = static_cast<int64_t>(texts.size());
  int64_t tokens = 0;
  for (const PromptedText& text : texts) {
    tokens += static_cast<int64_t>(text.ids.size());
  }
  at::Tensor ids = at::empty({tokens}, at::kLong);
  at::Tensor spans = at::empty({count, 2}, at::kLong);
  at::Tensor read_at = at::empty({count}, at::kLong);
  int64_t first = 0;
  for (int64_t b = 0; b < count; ++b) {
    const PromptedText& text = texts[static_cast<size_t>(b)];
    const auto length = static_cast<int64_t>(text.ids.size());
    std::copy(text.ids.begin(), text.ids.end(), ids.data_ptr<int64_t>() + first);
    spans.data_ptr<int64_t>()[2 * b] = first;
    spans.data_ptr<int64_t>()[2 * b + 1] = length;
    read_at.data_ptr<int64_t>()[b] = text.read_at;
    first += length;
  }
  return {std::move(ids), std::move(spans), std::move(read_at), std::move(answers), uncounted};
}

Answers WithStart(Answers answers, absl::Span<const int64_t> decoder) {
  if (!decoder.empty()) {
    answers.start = at::tensor(at::ArrayRef<int64_t>(decoder.data(), decoder.size()), at::kLong);
  }
  return answers;
}

Batch PackBatch(absl::Span<const PromptedText> texts, absl::Span<const int64_t> labels, const Answers& answers,
                absl::Span<const int64_t> repeats) {
  const size_t rows = repeats.empty() ? texts.size() : repeats.size();
  TORCH_CHECK(rows == labels.size(), "PackBatch: ", rows, " rows, ", labels.size(), " labels");
  Batch batch;
  batch.inputs = PackTexts(texts, answers);
  batch.ways = answers.ids.defined() ? answers.ids.size(0)
               : labels.empty()      ? 0
                                     : *std::max_element(labels.begin(), labels.end()) + 1;
  if (!repeats.empty()) {
    for (const int64_t text : repeats) {
      TORCH_CHECK(text >= 0 && text < static_cast<int64_t>(texts.size()), "PackBatch: repeats contains ", text,
                  "; number of texts: ", texts.size());
    }
    batch.repeats = at::tensor(at::ArrayRef<int64_t>(repeats.data(), repeats.size()), at::kLong);
  }
  batch.labels = at::tensor(at::ArrayRef<int64_t>(labels.data(), labels.size()), at::kLong);
  return batch;
}

}  // namespace metaprompt

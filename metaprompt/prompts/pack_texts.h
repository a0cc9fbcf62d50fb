// Packs texts in their prompts into a batch.
#ifndef METAPROMPT_PROMPTS_PACK_TEXTS_H_
#define METAPROMPT_PROMPTS_PACK_TEXTS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/prompts/prompt_template.h"

namespace metaprompt {

// Packs the texts, with unchanged ids. For `uncounted`, see TextInputs.
TextInputs PackTexts(absl::Span<const PromptedText> texts, Answers answers, int64_t uncounted = TextInputs::kNoToken);

// The answers with the decoder's first tokens, Framing::decoder, unless there are none.
Answers WithStart(Answers answers, absl::Span<const int64_t> decoder);

// A batch of one task. Row r is text repeats[r], or text r if `repeats` is empty; its label is labels[r], in [0, ways).
// `answers` has one row per way. If it is empty, ways is the largest label + 1. There must be one label per row.
Batch PackBatch(absl::Span<const PromptedText> texts, absl::Span<const int64_t> labels, const Answers& answers,
                absl::Span<const int64_t> repeats = {});

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_PACK_TEXTS_H_

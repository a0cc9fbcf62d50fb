// Texts in their prompts as a batch.
#ifndef METAPROMPT_PROMPTS_PACK_TEXTS_H_
#define METAPROMPT_PROMPTS_PACK_TEXTS_H_

#include <cstdint>

#include "absl/types/span.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/prompts/prompt_template.h"

namespace metaprompt {

// The texts, packed. Their ids are what the batch's ids will be: see TextInputs, as is `uncounted`.
TextInputs PackTexts(absl::Span<const PromptedText> texts, Answers answers, int64_t uncounted = TextInputs::kNoToken);

// One task of these texts and labels in [0, ways); `answers` has a row for each way, or is empty (ways is then one more
// than the largest label). Row r is text repeats[r], or, without `repeats`, text r. As many labels as rows.
Batch PackBatch(absl::Span<const PromptedText> texts, absl::Span<const int64_t> labels, const Answers& answers,
                absl::Span<const int64_t> repeats = {});

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_PACK_TEXTS_H_

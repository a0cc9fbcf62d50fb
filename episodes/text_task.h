// A task of prompted texts, and such tasks as an episode.
#ifndef EPISODES_TEXT_TASK_H_
#define EPISODES_TEXT_TASK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/prompts/prompt_template.h"

namespace metaprompt {

// The texts of one way. Ids are vocabulary ids.
struct TextWay {
  std::vector<int64_t> answer_ids;
  std::vector<PromptedText> support;
  std::vector<PromptedText> query;  // may be empty
};

using TextTask = std::vector<TextWay>;

// How tasks of texts become tensors.
struct TextTaskOptions {
  const PromptTemplate* prompt = nullptr;
  // How often a way's answer words count as a text of its support set, behind the others: VerbalizerSpec.answer_texts.
  int answer_texts = 0;
  // Token ids are indices into the vocabulary ids that occur (Episode::rows), or, with `whole_vocabulary`, vocabulary
  // ids; Episode::rows is then undefined.
  bool whole_vocabulary = false;
  at::ScalarType dtype = at::kFloat;
};

// The tasks as one episode. All have as many ways, as many support texts in all and as many query texts in all; row
// after row, task by task and way by way.
Episode BuildTextTasks(absl::Span<const TextTask> tasks, const TextTaskOptions& options);

}  // namespace metaprompt

#endif  // EPISODES_TEXT_TASK_H_

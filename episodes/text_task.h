// Builds an episode from tasks of prompted texts.
#ifndef EPISODES_TEXT_TASK_H_
#define EPISODES_TEXT_TASK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/prompts/prompt_template.h"

namespace metaprompt {

// One way of a task. All ids are vocabulary ids.
struct TextWay {
  std::vector<int64_t> answer_ids;
  std::vector<PromptedText> support;
  std::vector<PromptedText> query;  // may be empty
};

using TextTask = std::vector<TextWay>;

// How to turn tasks of texts into tensors.
struct TextTaskOptions {
  const PromptTemplate* prompt = nullptr;  // needed if answer_texts > 0, and for an encoder-decoder
  // How many times a way's answer words are added to its support set, as a text after its other texts
  // (VerbalizerSpec.answer_texts).
  int answer_texts = 0;
  // If false, token ids are indices into Episode::rows, the vocabulary ids that occur. If true, they are vocabulary
  // ids, and Episode::rows is undefined.
  bool whole_vocabulary = false;
  std::vector<int64_t> separator = {};  // Answers::separator, in vocabulary ids; must be empty unless whole_vocabulary
  at::ScalarType dtype = at::kFloat;
};

// The tasks as one episode. All tasks must have the same numbers of ways, support texts and query texts. Rows are
// ordered by task, then by way.
Episode BuildTextTasks(absl::Span<const TextTask> tasks, const TextTaskOptions& options);

}  // namespace metaprompt

#endif  // EPISODES_TEXT_TASK_H_

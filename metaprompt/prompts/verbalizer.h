// What a class is called at the slot: its answer words.
#ifndef METAPROMPT_PROMPTS_VERBALIZER_H_
#define METAPROMPT_PROMPTS_VERBALIZER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// Checks a spec's answers against the labels of all classes of the data: each entry's label must be a class's, and no
// two entries may have the same. The error names the label.
absl::Status CheckAnswers(const VerbalizerSpec& spec, const std::set<std::string>& labels);

// The vocabulary ids whose mean logit is the class's: those of the answer words that the spec has for its label, or
// else of its name's words, each as it stands inside a sentence. Each id weighs the same, so a word of several pieces
// weighs more than a word of one. An error that names the class if there is no word.
absl::StatusOr<std::vector<int64_t>> AnswerIds(const VerbalizerSpec& spec, const Tokenizer& tokenizer,
                                               absl::string_view label, absl::string_view class_name);

// The first two classes whose answer ids are the same, each as often, in any order: their logits would be equal for
// every text. The second is the smaller possible.
std::optional<std::pair<size_t, size_t>> FirstSameAnswers(const std::vector<std::vector<int64_t>>& ids_of_classes);

// The answer ids of each class, one or more, as tensors; the ids of a class weigh the same. `dtype` is the weights'.
Answers PackAnswers(const std::vector<std::vector<int64_t>>& ids_of_classes, at::ScalarType dtype);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_VERBALIZER_H_

// The verbalizer: the answer words of each class, as vocabulary ids.
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

// Checks the spec's answers. Each entry's label must be in `labels`, the labels of all classes of the data. No two
// entries may have the same label. The error names the label.
absl::Status CheckAnswers(const VerbalizerSpec& spec, const std::set<std::string>& labels);

// The words of a text for which the tokenizer has no piece, in their order.
std::vector<std::string> UnknownWords(const Tokenizer& tokenizer, absl::string_view text);

// The vocabulary ids of a class's answer words. The class's logit is the mean of their logits. The words are those that
// the spec has for the label or, if it has none, the words of the class's name. Each word is tokenised after a space,
// as within a sentence. All ids have the same weight, so a word of several pieces has a greater weight than a word of
// one piece. Errors: no word; an answer in the spec with a word for which the tokenizer has no piece. (A class's name
// may have such words.)
//
// With SEQUENCE, the result is the tokens of the class's answer, in order. The answer is the one that the spec has for
// the label or, if it has none, the class's name. It is tokenised as a whole, after a space. Additional errors: several
// answers; an answer with more tokens than sequence.max_tokens.
absl::StatusOr<std::vector<int64_t>> AnswerIds(const VerbalizerSpec& spec, const Tokenizer& tokenizer,
                                               absl::string_view label, absl::string_view class_name);

// The tokens between an answer and a text after it; empty unless answers are scored as sequences.
std::vector<int64_t> SeparatorIds(const VerbalizerSpec& spec, const Tokenizer& tokenizer);

// Whether the model needs all rows of the vocabulary, and not only the rows of the ids that occur in an episode.
inline bool NeedsWholeVocabulary(const VerbalizerSpec& spec) {
  return spec.kind() == VerbalizerSpec::SEQUENCE || spec.has_calibration();
}

// The first two classes with the same answer ids, whose logits would be equal for every text. The ids are compared as
// multisets or, with SEQUENCE, in order. If there are several such pairs, returns the one whose second class comes
// first.
std::optional<std::pair<size_t, size_t>> FirstSameAnswers(const VerbalizerSpec& spec,
                                                          const std::vector<std::vector<int64_t>>& ids_of_classes);

// The answer ids of each class (one or more per class) as tensors. All ids of a class have the same weight. `dtype` is
// the type of the weights.
Answers PackAnswers(const std::vector<std::vector<int64_t>>& ids_of_classes, at::ScalarType dtype);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPTS_VERBALIZER_H_

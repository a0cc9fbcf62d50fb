// The texts of a split in their prompts, and episodes made of them.
#ifndef EPISODES_PROMPTED_SPLIT_H_
#define EPISODES_PROMPTED_SPLIT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.h"
#include "episodes/episode.h"
#include "episodes/sampler.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/prompts/prompt.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// OK if no two of the classes, which are those of the side `side`, have the same answer pieces, each as often, in
// whatever order: their logits would be the same on every text. The error names both. Looks at no text.
absl::Status CheckDistinctAnswers(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                  const VerbalizerSpec& verbalizer, absl::string_view side);

// The answer words of each class, one or more, as tensors; every word of a class weighs the same.
Answers PackAnswers(const std::vector<std::vector<int64_t>>& ids_of, at::ScalarType dtype);

// The texts of one split in their prompts: tokenised once, when made, and never again.
class PromptedSplit {
 public:
  // `word_tasks`: episodes of words will be asked for, too.
  static absl::StatusOr<PromptedSplit> Create(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                              const PromptTemplate& prompt, const VerbalizerSpec& verbalizer,
                                              bool word_tasks);

  // What EpisodeSampler::Create takes.
  std::vector<ClassSize> sizes() const;

  // The texts shared out among words: each belongs to the rarest of its pieces that at least 20 texts have.
  // For each such piece, how many texts it got (none without word_tasks); what EpisodeSampler::WithWordTasks takes.
  std::vector<int64_t> WordSizes() const;

  // The plan's texts, packed; behind the support texts of each way, its answer words as a text
  // VerbalizerSpec.answer_texts times. In a word task the word itself is taken out of three in ten texts, so that both
  // the word and its company tell. `dtype` is that of the floating-point tensors.
  Episode Build(const EpisodePlan& plan, at::ScalarType dtype) const;

 private:
  struct PromptedClass {
    std::string label;
    std::vector<int64_t> answer_ids;  // vocabulary ids
    std::vector<PromptedText> texts;
  };

  struct Word {
    int64_t id = 0;
    std::vector<TextRef> texts;
  };

  void ShareOutAmongWords(int64_t vocab_size);

  PromptedText TextOf(const EpisodePlan& plan, const TextRef& ref, Random* random) const;

  // The answer ids of each way.
  std::vector<std::vector<int64_t>> AnswersOf(const EpisodePlan& plan) const;

  std::vector<PromptedClass> classes_;
  std::optional<PromptTemplate> prompt_;
  int answer_texts_ = 0;
  std::vector<Word> words_;
  std::vector<int64_t> pieces_;  // every vocabulary id but the special ones
};

}  // namespace metaprompt

#endif  // EPISODES_PROMPTED_SPLIT_H_

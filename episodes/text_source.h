// The texts of a split as a source of tasks.
#ifndef EPISODES_TEXT_SOURCE_H_
#define EPISODES_TEXT_SOURCE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/dataset.h"
#include "episodes/sampler.h"
#include "episodes/task_source.h"
#include "episodes/text_task.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/tokenizer.h"

namespace metaprompt {

// An error that names both if two of the classes, which are those of the split `side`, have the same answer ids, so
// that their logits would be equal on every text. Reads no text.
absl::Status CheckDistinctAnswers(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                  const VerbalizerSpec& verbalizer, absl::string_view side);

// The texts of one split in their prompts: tokenised once, when made, and never again.
class TextSource : public TaskSource {
 public:
  // `word_tasks`: episodes of words will be asked for, too.
  static absl::StatusOr<TextSource> Create(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                           const PromptTemplate& prompt, const VerbalizerSpec& verbalizer,
                                           bool word_tasks);

  std::vector<ClassSize> sizes() const override;

  // The texts shared out among words: each belongs to the rarest of its pieces that at least 20 texts have.
  // For each such piece, how many texts it got (none without word_tasks); what EpisodeSampler::WithWordTasks takes.
  std::vector<int64_t> WordSizes() const;

  // In a word task the word itself is taken out of three in ten texts, so that both the word and its company tell the
  // classes apart.
  Episode Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const override;

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

  TextTask TaskOf(const EpisodePlan& plan) const;

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

#endif  // EPISODES_TEXT_SOURCE_H_

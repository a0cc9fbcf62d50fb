// TextSource: the task source of texts.
#ifndef EPISODES_TEXT_SOURCE_H_
#define EPISODES_TEXT_SOURCE_H_

#include <cstdint>
#include <map>
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

// Checks that no two of the classes have the same answer ids, because their logits would be equal for every text. The
// error names both classes, and `side`, the split that they belong to. Always OK with VerbalizerSpec.allow_same_words.
// Does not read the classes' texts.
absl::Status CheckDistinctAnswers(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                  const VerbalizerSpec& verbalizer, absl::string_view side);

// The texts of one split in their prompts. Create tokenises them once.
class TextSource : public TaskSource {
 public:
  // `word_tasks`: whether word tasks will be built too (see EpisodeSampler::WithWordTasks).
  static absl::StatusOr<TextSource> Create(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                           const PromptTemplate& prompt, const VerbalizerSpec& verbalizer,
                                           bool word_tasks);

  std::vector<ClassSize> sizes() const override;

  // The number of texts of each word, for EpisodeSampler::WithWordTasks. A word is a piece of the tokenizer. Each text
  // belongs to at most one word: the rarest of its pieces that occur in at least 20 texts. Empty without `word_tasks`.
  std::vector<int64_t> WordSizes() const;

  // For each word, its texts that the data have under several labels, for WithWordTasks: a map from a text's index to
  // its id, as TextClass::shared. Empty if no word has such a text.
  std::vector<std::map<int64_t, int64_t>> WordShared() const;

  // The number of tokens of the longest text in its prompt, and of the longest answer with the separator after it.
  int64_t longest_text() const;
  int64_t longest_answer() const;

  // In a word task, the word is removed from each text with probability 0.3, so that both the word and the words around
  // it distinguish the classes.
  Episode Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const override;

 private:
  struct PromptedClass {
    std::string label;
    std::vector<int64_t> answer_ids;  // vocabulary ids
    std::vector<PromptedText> texts;
    std::map<int64_t, int64_t> shared;  // TextClass::shared
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
  bool whole_vocabulary_ = false;
  std::vector<int64_t> separator_;  // TextTaskOptions::separator
  std::vector<Word> words_;
  std::vector<int64_t> pieces_;  // all vocabulary ids except [CLS], [SEP] and [MASK]
};

}  // namespace metaprompt

#endif  // EPISODES_TEXT_SOURCE_H_

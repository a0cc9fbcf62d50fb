// The texts of a split in their prompts, and episodes made of them.
#ifndef EPISODES_PROMPTED_SPLIT_H_
#define EPISODES_PROMPTED_SPLIT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "datasets/dataset.h"
#include "episodes/episode.h"
#include "episodes/sampler.h"
#include "metaprompt/model.pb.h"
#include "metaprompt/prompt.h"
#include "metaprompt/tokenizer.h"

namespace metaprompt {

// The texts of one split in their prompts: tokenised once, when made, and never again.
class PromptedSplit {
 public:
  static absl::StatusOr<PromptedSplit> Create(const std::vector<const TextClass*>& classes, const Tokenizer& tokenizer,
                                              const PromptTemplate& prompt, const VerbalizerSpec& verbalizer);

  // What EpisodeSampler::Create takes.
  std::vector<ClassSize> sizes() const;

  // The plan's texts, packed. `dtype` is that of the floating-point tensors.
  Episode Build(const EpisodePlan& plan, at::ScalarType dtype) const;

 private:
  struct PromptedClass {
    std::string label;
    std::vector<int64_t> answer_ids;  // vocabulary ids
    std::vector<PromptedText> texts;
  };

  std::vector<PromptedClass> classes_;
};

}  // namespace metaprompt

#endif  // EPISODES_PROMPTED_SPLIT_H_

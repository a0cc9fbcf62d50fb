// PromptCache: what PromptModel has already computed for a batch with parameters that no longer change.
#ifndef METAPROMPT_PROMPT_CACHE_H_
#define METAPROMPT_PROMPT_CACHE_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <variant>

#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/batch.h"

namespace metaprompt {

// See Model::CacheBelow. `left` names what is still to be computed.
struct PromptCache : Cached {
  // The encoder's layers from encoder.next on, the head and the class head.
  struct LayersLeft {
    EncoderState encoder;
  };
  // The head and the class head.
  struct HeadLeft {
    at::Tensor features;  // [R, D]
    at::Tensor to_read;   // [R, D]: the hidden states that the head reads
  };
  // Only the class head.
  struct ClassHeadLeft {
    at::Tensor features;  // [R, D]
    at::Tensor read;      // [R, E]: the vectors to be multiplied with the class vectors
  };

  std::variant<LayersLeft, HeadLeft, ClassHeadLeft> left;
  // Undefined if they do not depend on lower layers alone, or if the task has a class head.
  at::Tensor class_vectors;  // [M ways, E]
  at::Tensor class_biases;   // [M ways]

  std::shared_ptr<const Cached> Map(const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const override;
};

// The batch's cache; null if it has none. The cache must be a PromptCache (TORCH_CHECK).
const PromptCache* CacheOf(const Batch& batch);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_CACHE_H_

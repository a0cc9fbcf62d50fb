// What PromptModel keeps of a batch whose lower layers are computed.
#ifndef METAPROMPT_PROMPT_CACHE_H_
#define METAPROMPT_PROMPT_CACHE_H_

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <variant>

#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/batch.h"

namespace metaprompt {

// What PromptModel has computed for a batch: see Model::CacheBelow.
struct PromptCache : Cached {
  // The layers from encoder.next on, the head and the class head are still to be computed.
  struct LayersLeft {
    EncoderState encoder;
  };
  // The head and the class head are still to be computed.
  struct HeadLeft {
    at::Tensor features;  // [R, D]
    at::Tensor to_read;   // [R, D]: the hidden states that the head reads
  };
  // Only the class head is still to be computed.
  struct ClassHeadLeft {
    at::Tensor features;  // [R, D]
    at::Tensor read;      // [R, E]: the vectors to be multiplied with the class vectors
  };

  std::variant<LayersLeft, HeadLeft, ClassHeadLeft> left;
  // Cached too if they depend only on lower layers; else undefined.
  at::Tensor class_vectors;  // [M ways, E]
  at::Tensor class_biases;   // [M ways]

  std::shared_ptr<const Cached> Map(const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const override;
};

// The batch's cache; null: it has none. Another model's cache is a programmer's error (TORCH_CHECK).
const PromptCache* CacheOf(const Batch& batch);

}  // namespace metaprompt

#endif  // METAPROMPT_PROMPT_CACHE_H_

#include "metaprompt/prompt_cache.h"

namespace metaprompt {

std::shared_ptr<const Cached> PromptCache::Map(
    const std::function<at::Tensor(const at::Tensor&, Rows)>& function) const {
  auto mapped = std::make_shared<PromptCache>(*this);
  const auto map = [&](at::Tensor* tensor, Rows rows) {
    if (tensor->defined()) {
      *tensor = function(*tensor, rows);
    }
  };
  if (auto* layers = std::get_if<LayersLeft>(&mapped->left)) {
    map(&layers->encoder.states, Rows::kTokens);
    map(&layers->encoder.relative_bias, Rows::kShared);
    map(&layers->encoder.distances, Rows::kShared);
    map(&layers->encoder.decoder_states, Rows::kInputs);
    map(&layers->encoder.decoder_bias, Rows::kShared);
  } else if (auto* head = std::get_if<HeadLeft>(&mapped->left)) {
    map(&head->features, Rows::kOutput);
    map(&head->to_read, Rows::kOutput);
  } else {
    auto& class_head = std::get<ClassHeadLeft>(mapped->left);
    map(&class_head.features, Rows::kOutput);
    map(&class_head.read, Rows::kOutput);
  }
  map(&mapped->class_vectors, Rows::kShared);
  map(&mapped->class_biases, Rows::kShared);
  return mapped;
}

const PromptCache* CacheOf(const Batch& batch) {
  const auto* cache = dynamic_cast<const PromptCache*>(batch.cached.get());
  TORCH_CHECK(cache != nullptr || batch.cached == nullptr, "PromptModel: the batch has another model's cache");
  return cache;
}

}  // namespace metaprompt

#include "experiments/pretraining/masked_language.h"

#include <ATen/ATen.h>

#include <utility>

#include "metaprompt/operations/autocast.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {

TextInputs PackIds(absl::Span<const std::vector<int64_t>> ids, at::Device device) {
  std::vector<PromptedText> texts;
  for (const std::vector<int64_t>& one : ids) {
    PromptedText text;
    text.ids = one;
    texts.push_back(std::move(text));
  }
  return OnDevice(PackTexts(texts, Answers{}), device);
}

MaskedBatch PackMasked(absl::Span<const MaskedTokens> inputs, at::Device device) {
  std::vector<std::vector<int64_t>> ids;
  std::vector<int64_t> places;
  std::vector<int64_t> labels;
  int64_t first = 0;
  for (const MaskedTokens& input : inputs) {
    for (const int64_t place : input.places) {
      places.push_back(first + place);
    }
    labels.insert(labels.end(), input.labels.begin(), input.labels.end());
    first += static_cast<int64_t>(input.ids.size());
    ids.push_back(input.ids);
  }
  return {PackIds(ids, device), at::tensor(places, at::kLong).to(device), at::tensor(labels, at::kLong).to(device)};
}

MaskedLoss LossOfMasked(const Encoder& encoder, const ParamList& params, const MaskedBatch& batch,
                        const Dropout& dropout, bool bfloat16) {
  if (batch.predicted() == 0) {
    return {params[0].sum() * 0, 0};
  }
  const at::ScalarType type = params[0].scalar_type();
  const Autocast autocast(bfloat16, batch.labels.device().type());
  const EncoderState state = encoder.Embedded(params, {}, batch.texts, dropout);
  const at::Tensor states = encoder.States(params, batch.texts, state, dropout).index_select(0, batch.places);
  const at::Tensor logits = encoder.VocabularyLogits(params, encoder.Transformed(params, states.to(type))).to(type);
  const at::Tensor log_probabilities = at::log_softmax(logits, -1);
  MaskedLoss loss;
  loss.sum = -log_probabilities.gather(1, batch.labels.unsqueeze(1)).sum();
  loss.correct = logits.detach().argmax(-1).eq(batch.labels).sum().item<int64_t>();
  return loss;
}

}  // namespace metaprompt

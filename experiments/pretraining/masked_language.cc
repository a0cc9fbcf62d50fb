#include "experiments/pretraining/masked_language.h"

#include <ATen/ATen.h>

#include <utility>

#include "metaprompt/encoders/autocast.h"

namespace metaprompt {

TextInputs PackIds(absl::Span<const std::vector<int64_t>> ids, at::Device device) {
  int64_t tokens = 0;
  for (const std::vector<int64_t>& one : ids) {
    tokens += static_cast<int64_t>(one.size());
  }
  const auto count = static_cast<int64_t>(ids.size());
  at::Tensor all = at::empty({tokens}, at::kLong);
  at::Tensor spans = at::empty({count, 2}, at::kLong);
  int64_t first = 0;
  for (int64_t i = 0; i < count; ++i) {
    const std::vector<int64_t>& one = ids[static_cast<size_t>(i)];
    std::copy(one.begin(), one.end(), all.data_ptr<int64_t>() + first);
    spans.data_ptr<int64_t>()[2 * i] = first;
    spans.data_ptr<int64_t>()[2 * i + 1] = static_cast<int64_t>(one.size());
    first += static_cast<int64_t>(one.size());
  }
  return OnDevice(TextInputs(std::move(all), std::move(spans), at::zeros({count}, at::kLong), Answers{}), device);
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

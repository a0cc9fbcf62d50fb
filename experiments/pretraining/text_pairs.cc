#include "experiments/pretraining/text_pairs.h"

#include <ATen/ATen.h>

#include <limits>

#include "metaprompt/operations/autocast.h"
#include "metaprompt/operations/mean_of_tokens.h"

namespace metaprompt {

at::Tensor VectorsOfTexts(const Encoder& encoder, const ParamList& params, const TextInputs& texts,
                          const Dropout& dropout, bool bfloat16) {
  const at::ScalarType type = params[0].scalar_type();
  const Autocast autocast(bfloat16, texts.ids().device().type());
  const EncoderState state = encoder.Embedded(params, {}, texts, dropout);
  const at::Tensor states = encoder.States(params, texts, state, dropout);
  return UnitVectors(MeanOfTokens(states, texts, type));
}

PairsLoss LossOfPairs(const PairVectors& pairs, int64_t begin, int64_t end, double temperature) {
  const auto same_in = [](const at::Tensor& texts) { return texts.unsqueeze(1).eq(texts.unsqueeze(0)); };
  // Another pair with the same first or the same second text is no wrong answer.
  const at::Tensor same = (same_in(pairs.first_text) | same_in(pairs.second_text)).fill_diagonal_(false);
  const at::Tensor logits =
      (at::mm(pairs.first, pairs.second.t()) / temperature).masked_fill(same, -std::numeric_limits<float>::infinity());
  const at::Tensor losses = -(at::log_softmax(logits, 1).diagonal() + at::log_softmax(logits, 0).diagonal()) / 2;
  PairsLoss loss;
  const at::Tensor all = losses.sum();
  loss.sum = all - all.detach() + losses.detach().slice(0, begin, end).sum();
  const at::Tensor values = logits.detach();
  const at::Tensor own = at::arange(begin, end, pairs.first_text.options());
  const auto found = [&](int64_t dim) { return values.argmax(dim).slice(0, begin, end).eq(own).sum(); };
  loss.correct = 0.5 * static_cast<double>((found(1) + found(0)).item<int64_t>());
  return loss;
}

}  // namespace metaprompt

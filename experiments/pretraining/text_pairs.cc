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

PairsLoss LossOfPairs(const PairVectors& pairs, double temperature) {
  const auto same_in = [](const at::Tensor& texts) { return texts.unsqueeze(1).eq(texts.unsqueeze(0)); };
  // Another pair with the same first or second text must not count as a wrong answer.
  const at::Tensor same = (same_in(pairs.first_text) | same_in(pairs.second_text)).fill_diagonal_(false);
  const at::Tensor logits =
      (at::mm(pairs.first, pairs.second.t()) / temperature).masked_fill(same, -std::numeric_limits<float>::infinity());
  PairsLoss loss;
  loss.each = -(at::log_softmax(logits, 1).diagonal() + at::log_softmax(logits, 0).diagonal()) / 2;
  const at::Tensor values = logits.detach();
  const at::Tensor own = at::arange(values.size(0), pairs.first_text.options());
  loss.found = (values.argmax(1).eq(own).to(at::kDouble) + values.argmax(0).eq(own).to(at::kDouble)) / 2;
  return loss;
}

}  // namespace metaprompt

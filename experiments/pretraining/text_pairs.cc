#include "experiments/pretraining/text_pairs.h"

#include <ATen/ATen.h>

#include <limits>

#include "metaprompt/encoders/autocast.h"
#include "metaprompt/encoders/mean_of_tokens.h"

namespace metaprompt {

PairsLoss LossOfPairs(const Encoder& encoder, const ParamList& params, const TextInputs& texts,
                      const at::Tensor& first_groups, const at::Tensor& second_groups, double temperature,
                      const Dropout& dropout, bool bfloat16) {
  const at::ScalarType type = params[0].scalar_type();
  const int64_t pairs = texts.size() / 2;
  const Autocast autocast(bfloat16, texts.ids().device().type());
  const EncoderState state = encoder.Embedded(params, {}, texts, dropout);
  const at::Tensor states = encoder.States(params, texts, state, dropout);
  const at::Tensor vectors = UnitVectors(MeanOfTokens(states, texts, type));
  at::Tensor logits = at::mm(vectors.slice(0, 0, pairs), vectors.slice(0, pairs).t()).to(type) / temperature;
  // Another pair with the same first or the same second text is no wrong answer.
  const at::Tensor same = (first_groups.unsqueeze(1).eq(first_groups.unsqueeze(0)) |
                           second_groups.unsqueeze(1).eq(second_groups.unsqueeze(0)))
                              .fill_diagonal_(false);
  logits = logits.masked_fill(same, -std::numeric_limits<float>::infinity());
  const at::Tensor own = at::arange(pairs, first_groups.options());
  PairsLoss loss;
  loss.sum = -(at::log_softmax(logits, 1).diagonal().sum() + at::log_softmax(logits, 0).diagonal().sum()) / 2;
  const at::Tensor values = logits.detach();
  loss.correct =
      0.5 * static_cast<double>((values.argmax(1).eq(own).sum() + values.argmax(0).eq(own).sum()).item<int64_t>());
  return loss;
}

}  // namespace metaprompt

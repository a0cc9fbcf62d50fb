// The loss of telling the partner of a text from other texts.
#ifndef EXPERIMENTS_PRETRAINING_TEXT_PAIRS_H_
#define EXPERIMENTS_PRETRAINING_TEXT_PAIRS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/encoders/dropout.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

struct PairsLoss {
  at::Tensor sum;      // scalar: over the pairs, the mean of the two directions' cross-entropies
  double correct = 0;  // pairs whose partner is the closest text, the mean of the two directions
};

// `texts` are 2 P inputs: the first texts of P pairs, then the second ones, in the same order. Each text's vector is
// the mean of its last hidden states, scaled to length 1. The cosines over the temperature are the logits. Two pairs
// with the same number in `first_groups` or in `second_groups`, [P] int64, have a text in common and are not
// contrasted.
PairsLoss LossOfPairs(const Encoder& encoder, const ParamList& params, const TextInputs& texts,
                      const at::Tensor& first_groups, const at::Tensor& second_groups, double temperature,
                      const Dropout& dropout, bool bfloat16);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_TEXT_PAIRS_H_

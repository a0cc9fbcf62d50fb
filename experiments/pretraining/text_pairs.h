// The contrastive loss of finding the partner of a text among other texts (van den Oord et al. 2018, eq. 4, in both
// directions).
#ifndef EXPERIMENTS_PRETRAINING_TEXT_PAIRS_H_
#define EXPERIMENTS_PRETRAINING_TEXT_PAIRS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/dropout.h"

namespace metaprompt {

// The vectors [B, D] of B texts: the means of their last hidden states, scaled to length 1, in the parameters' type.
at::Tensor VectorsOfTexts(const Encoder& encoder, const ParamList& params, const TextInputs& texts,
                          const Dropout& dropout, bool bfloat16);

// P pairs of texts. Two pairs with the same number in `first_text` or in `second_text` have a text in common and are
// not contrasted.
struct PairVectors {
  at::Tensor first;        // [P, D], of length 1
  at::Tensor second;       // [P, D], of length 1
  at::Tensor first_text;   // [P] int64
  at::Tensor second_text;  // [P] int64
};

struct PairsLoss {
  at::Tensor each;   // [P]: for each pair, the mean of the cross-entropies of the two directions
  at::Tensor found;  // [P]: for each pair, the share of the two directions in which the partner is the closest text: 0,
                     // 0.5 or 1
};

// Contrasts each pair with all others. The logits are the cosines over the temperature. Takes O(P² + P D) memory.
PairsLoss LossOfPairs(const PairVectors& pairs, double temperature);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_TEXT_PAIRS_H_

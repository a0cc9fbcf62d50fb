// The loss of masked language modelling (Devlin et al. 2019, section 3.1).
#ifndef EXPERIMENTS_PRETRAINING_MASKED_LANGUAGE_H_
#define EXPERIMENTS_PRETRAINING_MASKED_LANGUAGE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "experiments/pretraining/masking.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/model/params.h"
#include "metaprompt/model/text_inputs.h"
#include "metaprompt/operations/dropout.h"

namespace metaprompt {

// Inputs of which some tokens are masked and are to be predicted.
struct MaskedBatch {
  TextInputs texts;
  at::Tensor places;  // [M] int64: indices of tokens among all of the texts
  at::Tensor labels;  // [M] int64: their ids before masking

  int64_t predicted() const { return labels.size(0); }
};

// Packs B lists of token ids, without positions to read. `device`: the device of the tensors.
TextInputs PackIds(absl::Span<const std::vector<int64_t>> ids, at::Device device);

MaskedBatch PackMasked(absl::Span<const MaskedTokens> inputs, at::Device device);

struct MaskedLoss {
  at::Tensor sum;       // scalar: the sum over the predicted tokens of -log p(label), in the parameters' type
  int64_t correct = 0;  // predicted tokens whose most probable piece is the label
};

// The encoder must be able to score words: with its MLM head, or with a word embedding as wide as its hidden states.
// Logits are computed only for the predicted tokens, [M, V]. `bfloat16`: matrix products are in bfloat16.
MaskedLoss LossOfMasked(const Encoder& encoder, const ParamList& params, const MaskedBatch& batch,
                        const Dropout& dropout, bool bfloat16);

}  // namespace metaprompt

#endif  // EXPERIMENTS_PRETRAINING_MASKED_LANGUAGE_H_

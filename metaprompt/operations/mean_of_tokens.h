// The mean of the hidden states of a text's tokens, which sentence encoders use as the vector of the text.
#ifndef METAPROMPT_OPERATIONS_MEAN_OF_TOKENS_H_
#define METAPROMPT_OPERATIONS_MEAN_OF_TOKENS_H_

#include <ATen/core/Tensor.h>

#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// The mean over each text's tokens of `states` [N, D]: [B, D], of type `type`.
at::Tensor MeanOfTokens(const at::Tensor& states, const TextInputs& texts, at::ScalarType type);

// `vectors` [B, D], each scaled to length 1. A vector whose length is about 1e-6 or less becomes shorter than 1.
at::Tensor UnitVectors(const at::Tensor& vectors);

}  // namespace metaprompt

#endif  // METAPROMPT_OPERATIONS_MEAN_OF_TOKENS_H_

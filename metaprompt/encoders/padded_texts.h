// Texts as the layers compute them on a GPU.
#ifndef METAPROMPT_ENCODERS_PADDED_TEXTS_H_
#define METAPROMPT_ENCODERS_PADDED_TEXTS_H_

#include "metaprompt/model/text_inputs.h"

namespace metaprompt {

// The texts, padded to the length of the longest. On a GPU, moving rows to and fro in each layer takes longer than
// computing the padding, too. Only the places of tokens are used, so all ids are 0.
TextInputs PaddedTexts(const TextInputs& texts);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_PADDED_TEXTS_H_

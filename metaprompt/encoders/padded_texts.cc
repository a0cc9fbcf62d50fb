#include "metaprompt/encoders/padded_texts.h"

#include <ATen/ATen.h>

namespace metaprompt {

TextInputs PaddedTexts(const TextInputs& texts) {
  const int64_t longest = texts.longest();
  const at::Tensor first = at::arange(texts.size(), at::kLong) * longest;
  return {at::zeros({texts.size() * longest}, texts.ids().options()),
          at::stack({first, at::full_like(first, longest)}, 1), texts.read_at(), texts.answers()};
}

}  // namespace metaprompt

// A BERT that is trained from scratch (Devlin et al. 2019): its shape from a spec, and its first values.
#ifndef METAPROMPT_ENCODERS_INITIAL_VALUES_H_
#define METAPROMPT_ENCODERS_INITIAL_VALUES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Checks the rule between fields: width is a multiple of heads.
absl::Status CheckBert(const BertSpec& spec);

// `vocab` is the number of vocabulary ids.
EncoderConfig BertConfig(const BertSpec& spec, int64_t vocab);

// Random parameters, float32. Word vectors, keys and feed-forward inputs are normal; positions, queries and
// feed-forward outputs are 0, values and the matrices after them the identity: a bag of words. Biases are 0, layer-norm
// weights 1. Every parameter has its own random stream, so adding one changes no other.
ParamList InitialBert(const BertSpec& spec, const EncoderLayout& layout, uint64_t seed);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_INITIAL_VALUES_H_

// A BERT of one's own (Devlin et al. 2019): its shape from a spec, and the values that it begins with.
#ifndef METAPROMPT_ENCODERS_INITIAL_VALUES_H_
#define METAPROMPT_ENCODERS_INITIAL_VALUES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "metaprompt/encoders/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// What BertSpec's single fields can't say: width is a multiple of heads.
absl::Status CheckBert(const BertSpec& spec);

// `vocab` is the number of vocabulary ids.
EncoderConfig BertConfig(const BertSpec& spec, int64_t vocab);

// Random parameters, float32. Word vectors, keys and feed-forward inputs are normal; positions, queries and
// feed-forward outputs begin at 0, values and what they pass through at the identity: a bag of words. Biases are 0,
// layer-norm weights 1. Every parameter has a stream of its own, so adding one changes no other.
ParamList InitialBert(const BertSpec& spec, const EncoderLayout& layout, uint64_t seed);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_INITIAL_VALUES_H_

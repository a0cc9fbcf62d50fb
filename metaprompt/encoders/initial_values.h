// A BERT that is trained from scratch (Devlin et al. 2019): its configuration from a spec, and its initial values.
#ifndef METAPROMPT_ENCODERS_INITIAL_VALUES_H_
#define METAPROMPT_ENCODERS_INITIAL_VALUES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/encoders/layout.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/model/params.h"

namespace metaprompt {

// Checks that `width` is a multiple of `heads`.
absl::Status CheckBert(const BertSpec& spec);

// `vocab` is the number of vocabulary ids.
EncoderConfig BertConfig(const BertSpec& spec, int64_t vocab);

// Random parameters, float32. Word vectors, keys and the first matrices of feed-forward layers are normal. Positions,
// token types, queries and the second matrices of feed-forward layers are 0. The matrices of values, attention outputs
// and the head are init_gain times the identity. So the encoder starts as a bag of words. Biases are 0, layer-norm
// weights 1. Each parameter is drawn from a separate random stream, so a new parameter does not change the others.
ParamList InitialBert(const BertSpec& spec, const EncoderLayout& layout, uint64_t seed);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_INITIAL_VALUES_H_

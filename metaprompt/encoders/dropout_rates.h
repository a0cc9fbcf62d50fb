// The rates of dropout in a spec.
#ifndef METAPROMPT_ENCODERS_DROPOUT_RATES_H_
#define METAPROMPT_ENCODERS_DROPOUT_RATES_H_

#include <string>

#include "absl/status/status.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/operations/dropout.h"

namespace metaprompt {

// The spec's rates or, with of_checkpoint, those of config.json. The seed is 0.
Dropout RatesOf(const DropoutSpec& spec, const EncoderConfig& config);

// The error if of_checkpoint is set together with a rate; otherwise empty. It begins with `field`, such as
// "model.dropout".
std::string BrokenDropoutRule(const DropoutSpec& spec, const std::string& field);

// An error if the spec has dropout of hidden states, but the architecture has none (Llama). It begins with `field`.
absl::Status CheckDropout(const DropoutSpec& spec, const EncoderConfig& config, const std::string& field);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_DROPOUT_RATES_H_

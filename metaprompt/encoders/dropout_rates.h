// The rates of dropout that a spec asks for.
#ifndef METAPROMPT_ENCODERS_DROPOUT_RATES_H_
#define METAPROMPT_ENCODERS_DROPOUT_RATES_H_

#include <string>

#include "absl/status/status.h"
#include "metaprompt/architectures/encoder_config.h"
#include "metaprompt/model/model.pb.h"
#include "metaprompt/operations/dropout.h"

namespace metaprompt {

// The spec's own rates, or those of config.json. The seed is 0.
Dropout RatesOf(const DropoutSpec& spec, const EncoderConfig& config);

// The rates are those of config.json or the spec's own. The error if both are set; it begins with `field`, such as
// "model.dropout". Empty if not.
std::string BrokenDropoutRule(const DropoutSpec& spec, const std::string& field);

// OK unless the spec drops hidden states where the architecture was not trained with that (Llama). The error begins
// with `field`.
absl::Status CheckDropout(const DropoutSpec& spec, const EncoderConfig& config, const std::string& field);

}  // namespace metaprompt

#endif  // METAPROMPT_ENCODERS_DROPOUT_RATES_H_

#include "metaprompt/encoders/dropout_rates.h"

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/architectures.h"

namespace metaprompt {

Dropout RatesOf(const DropoutSpec& spec, const EncoderConfig& config) {
  Dropout dropout;
  dropout.hidden = spec.of_checkpoint() ? config.hidden_dropout : spec.hidden();
  dropout.attention = spec.of_checkpoint() ? config.attention_dropout : spec.attention();
  return dropout;
}

std::string BrokenDropoutRule(const DropoutSpec& spec, const std::string& field) {
  return spec.of_checkpoint() && (spec.hidden() > 0 || spec.attention() > 0)
             ? absl::StrCat(field, ".of_checkpoint is set, and so is hidden or attention; set one or the other")
             : "";
}

absl::Status CheckDropout(const DropoutSpec& spec, const EncoderConfig& config, const std::string& field) {
  const Architecture* const architecture = FindArchitecture(config.model_type);
  if (spec.hidden() == 0 || architecture == nullptr || !architecture->fields.hidden_dropout.empty()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(field, ".hidden is ", spec.hidden(), "; ", config.model_type,
                                                 " has no dropout of hidden states, so it must be 0"));
}

}  // namespace metaprompt

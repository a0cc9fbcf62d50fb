#include "metaprompt/encoders/dropout_rates.h"

#include "absl/strings/str_cat.h"

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

}  // namespace metaprompt

// Reads and writes the config.json of a Hugging Face encoder.
#ifndef METAPROMPT_ARCHITECTURES_CONFIG_JSON_H_
#define METAPROMPT_ARCHITECTURES_CONFIG_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// A missing field has the default of transformers 4.40 for the architecture. The oldest configs have no model_type;
// their architecture is recognised by the field `architectures`. Errors begin with `name`, the name of the file, and
// name the field: invalid JSON, a value of the wrong type or out of range, an activation, architecture or option that
// is not supported.
absl::StatusOr<EncoderConfig> ParseEncoderConfig(absl::string_view json, absl::string_view name);

// The config.json of an encoder that was not read from a folder. ParseEncoderConfig reads `config` back from it.
std::string ConfigJson(const EncoderConfig& config);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_CONFIG_JSON_H_

// The config.json of a Hugging Face encoder, read and written.
#ifndef METAPROMPT_ARCHITECTURES_CONFIG_JSON_H_
#define METAPROMPT_ARCHITECTURES_CONFIG_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// A field that is missing has the default that transformers 4.40 gives it for the architecture. A config without
// model_type, as the oldest are, is recognised by `architectures`. Errors begin with `name`, the file's, and name the
// field: invalid JSON, a value of another type or out of range, an activation, architecture or option that is not
// supported.
absl::StatusOr<EncoderConfig> ParseEncoderConfig(absl::string_view json, absl::string_view name);

// The config.json of an encoder that was not read from a folder; ParseEncoderConfig reads `config` back from it.
std::string ConfigJson(const EncoderConfig& config);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_CONFIG_JSON_H_

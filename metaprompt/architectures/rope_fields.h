// The fields of config.json that describe rotary positions.
#ifndef METAPROMPT_ARCHITECTURES_ROPE_FIELDS_H_
#define METAPROMPT_ARCHITECTURES_ROPE_FIELDS_H_

#include <nlohmann/json.hpp>

#include "absl/strings/string_view.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// `rope`, the value of the field `where`: {"rope_type": "default", "rope_theta": θ}. Older files call the type `type`.
// Leaves θ as it is where it is missing. Another type is an error: it changes the angles.
void ReadRope(const nlohmann::json& rope, absl::string_view where, ConfigFields* fields, double* theta);

// The same for rope_scaling, as older files call it, and then for rope_parameters. Either may be missing or null.
void ReadRopeFields(ConfigFields* fields, double* theta);

// An error unless heads have an even width. The fields are called `width` and `heads`.
void CheckRotaryWidth(absl::string_view width, absl::string_view heads, const EncoderConfig& config,
                      ConfigFields* fields);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_ROPE_FIELDS_H_

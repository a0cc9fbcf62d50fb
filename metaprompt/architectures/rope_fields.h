// The fields of config.json that describe rotary positions.
#ifndef METAPROMPT_ARCHITECTURES_ROPE_FIELDS_H_
#define METAPROMPT_ARCHITECTURES_ROPE_FIELDS_H_

#include <nlohmann/json.hpp>

#include "absl/strings/string_view.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// Reads θ from `rope`, the value of the field `where`, such as {"rope_type": "default", "rope_theta": θ}. In older
// files, the type is called `type`. If θ is missing, it is unchanged. Another type is an error, because it changes the
// angles.
void ReadRope(const nlohmann::json& rope, absl::string_view where, ConfigFields* fields, double* theta);

// The same for the fields rope_scaling, which is in older files, and then rope_parameters. Each may be missing or null.
void ReadRopeFields(ConfigFields* fields, double* theta);

// It is an error if the width of a head is odd. `width` and `heads` are the names of the fields.
void CheckRotaryWidth(absl::string_view width, absl::string_view heads, const EncoderConfig& config,
                      ConfigFields* fields);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_ROPE_FIELDS_H_

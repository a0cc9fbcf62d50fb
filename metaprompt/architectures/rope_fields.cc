#include "metaprompt/architectures/rope_fields.h"

#include "absl/strings/str_cat.h"

namespace metaprompt {

void ReadRope(const nlohmann::json& rope, absl::string_view where, ConfigFields* fields, double* theta) {
  if (!rope.is_object()) {
    return fields->Wrong(where, "an object", rope);
  }
  for (const char* const name : {"rope_type", "type"}) {
    if (const auto type = rope.find(name); type != rope.end() && *type != "default") {
      return fields->Wrong(absl::StrCat(where, ".", name), "'default'", *type);
    }
  }
  const auto value = rope.find("rope_theta");
  if (value == rope.end()) {
    return;
  }
  if (!value->is_number() || !(value->get<double>() >= 1 && value->get<double>() <= 1e12)) {
    return fields->Wrong(absl::StrCat(where, ".rope_theta"), "a number from 1 to 1e12", *value);
  }
  *theta = value->get<double>();
}

void ReadRopeFields(ConfigFields* fields, double* theta) {
  for (const char* const name : {"rope_scaling", "rope_parameters"}) {
    if (const nlohmann::json* rope = fields->Find(name); rope != nullptr && !rope->is_null()) {
      ReadRope(*rope, name, fields, theta);
    }
  }
}

void CheckRotaryWidth(absl::string_view width, absl::string_view heads, const EncoderConfig& config,
                      ConfigFields* fields) {
  if (config.width / config.heads % 2 != 0) {
    fields->Fail(absl::StrCat(width, " ", config.width, " over ", heads, " ", config.heads,
                              " must be even, for rotary positions"));
  }
}

}  // namespace metaprompt

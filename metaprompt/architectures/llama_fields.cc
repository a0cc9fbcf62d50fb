#include "metaprompt/architectures/llama_fields.h"

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/rope_fields.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

constexpr char kEveryLayer[] = "full_attention";

// If a field is missing or null, its value is computed from other fields.
void ReadHeads(ConfigFields* fields, EncoderConfig* config) {
  if (config->key_heads == 0) {
    config->key_heads = config->heads;
  }
  fields->SizeUnlessNull("num_key_value_heads", 1, 1 << 16, &config->key_heads);
  if (config->heads % config->key_heads != 0) {
    fields->Fail(absl::StrCat("num_attention_heads ", config->heads, " must be a multiple of num_key_value_heads ",
                              config->key_heads));
  }
  int64_t depth = config->width / config->heads;
  fields->SizeUnlessNull("head_dim", 1, 1 << 16, &depth);
  if (depth * config->heads != config->width) {
    fields->Fail(absl::StrCat("head_dim ", depth, " times num_attention_heads ", config->heads, " must be hidden_size ",
                              config->width));
  }
  CheckRotaryWidth("hidden_size", "num_attention_heads", *config, fields);
}

}  // namespace

void ReadLlamaFields(ConfigFields* fields, EncoderConfig* config) {
  ReadHeads(fields, config);
  fields->Number("rope_theta", 1, 1e12, &config->rotary_theta);
  ReadRopeFields(fields, &config->rotary_theta);
  const Json* types = fields->Find("layer_types");
  if (types == nullptr || types->is_null()) {
    return;
  }
  for (const Json& type : types->is_array() ? *types : Json::array()) {
    if (type != kEveryLayer) {
      return fields->Wrong("layer_types", absl::StrCat("a list of ", kEveryLayer), type);
    }
  }
  if (!types->is_array() || static_cast<int64_t>(types->size()) != config->layers) {
    fields->Wrong("layer_types", absl::StrCat("a list of ", config->layers, " types"), *types);
  }
}

void WriteLlamaFields(const EncoderConfig& config, nlohmann::ordered_json* json) {
  (*json)["num_key_value_heads"] = config.key_heads;
  (*json)["rope_theta"] = config.rotary_theta;
}

}  // namespace metaprompt

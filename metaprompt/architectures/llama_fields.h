// The fields of config.json that Llama and its relatives have beside those of all architectures.
#ifndef METAPROMPT_ARCHITECTURES_LLAMA_FIELDS_H_
#define METAPROMPT_ARCHITECTURES_LLAMA_FIELDS_H_

#include <nlohmann/json.hpp>

#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// The heads of keys and values, θ of rotary positions, and layer_types, all of which must be full attention.
void ReadLlamaFields(ConfigFields* fields, EncoderConfig* config);
void WriteLlamaFields(const EncoderConfig& config, nlohmann::ordered_json* json);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_LLAMA_FIELDS_H_

// The fields of config.json that only Llama and its relatives have.
#ifndef METAPROMPT_ARCHITECTURES_LLAMA_FIELDS_H_
#define METAPROMPT_ARCHITECTURES_LLAMA_FIELDS_H_

#include <nlohmann/json.hpp>

#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/encoder_config.h"

namespace metaprompt {

// Reads or writes the number of heads of keys and values, θ of rotary positions, and layer_types, which must be full
// attention for all layers.
void ReadLlamaFields(ConfigFields* fields, EncoderConfig* config);
void WriteLlamaFields(const EncoderConfig& config, nlohmann::ordered_json* json);

}  // namespace metaprompt

#endif  // METAPROMPT_ARCHITECTURES_LLAMA_FIELDS_H_

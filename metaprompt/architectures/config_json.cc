#include "metaprompt/architectures/config_json.h"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/base/json.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

using Json = nlohmann::json;

// These limits are larger than in any published encoder, and small enough that products of three sizes fit into 64
// bits.
constexpr int64_t kMaxVocab = 10000000;
constexpr int64_t kMaxWidth = 1 << 16;
constexpr int64_t kMaxIntermediate = 1 << 20;
constexpr int64_t kMaxPositions = 1 << 20;
constexpr int64_t kMaxSmall = 4096;

std::string KnownTypes() {
  return absl::StrJoin(Architectures(), ", ", [](std::string* out, const Architecture& architecture) {
    absl::StrAppend(out, architecture.model_type);
  });
}

const Architecture* FindByModelType(ConfigFields* fields) {
  std::string type;
  fields->Text("model_type", &type);
  const Architecture* found = FindArchitecture(type);
  if (found == nullptr) {
    fields->Wrong("model_type", absl::StrCat("one of ", KnownTypes()), type);
  }
  return found;
}

// Finds the architecture by the first class that a config without model_type lists, such as BertModel or
// BertForMaskedLM, but not BertGenerationEncoder.
const Architecture* FindByClass(ConfigFields* fields) {
  const Json* classes = fields->Find("architectures");
  if (classes == nullptr) {
    fields->Fail(
        absl::StrCat("model_type is missing (and architectures, which would show it); it is one of ", KnownTypes()));
    return nullptr;
  }
  const Json first = classes->is_array() && !classes->empty() ? classes->front() : *classes;
  for (const Architecture& architecture : Architectures()) {
    if (!first.is_string()) {
      break;
    }
    absl::string_view rest = first.get_ref<const std::string&>();
    if (absl::ConsumePrefix(&rest, architecture.class_prefix) && (rest == "Model" || absl::StartsWith(rest, "For"))) {
      return &architecture;
    }
  }
  fields->Fail(absl::StrCat("model_type is missing, and architectures, ", Shown(first),
                            ", does not tell it; it is one of ", KnownTypes()));
  return nullptr;
}

// Reports options that would change the results and are not supported.
void RefuseUnsupported(const Architecture& architecture, ConfigFields* fields) {
  std::string positions = "absolute";
  fields->Text("position_embedding_type", &positions);
  if (positions != "absolute") {
    fields->Wrong("position_embedding_type", "'absolute'", positions);
  }
  for (const absl::string_view option : {"is_decoder", "is_encoder_decoder", "add_cross_attention"}) {
    const bool expected = option == "is_encoder_decoder" && architecture.defaults.has_decoder();
    bool on = expected;
    fields->Flag(option, &on);
    if (on && !expected) {
      fields->Fail(absl::StrCat(option, " is true; only ",
                                architecture.defaults.causal ? "models without it" : "encoders", " are supported"));
    } else if (expected && !on) {
      fields->Fail(absl::StrCat(option, " is false; only a whole ", architecture.model_type,
                                ", with its decoder, is supported"));
    }
  }
  for (const absl::string_view option : architecture.refused_options) {
    bool on = false;
    fields->Flag(option, &on);
    if (on) {
      fields->Fail(absl::StrCat(option, " is true; only models without it are supported"));
    }
  }
  const Json* pruned = fields->Find("pruned_heads");
  if (pruned != nullptr && !pruned->empty()) {
    fields->Fail("pruned_heads is not empty; only models with all their heads are supported");
  }
}

// `config` must contain the architecture's defaults.
void ReadFields(const Architecture& architecture, ConfigFields* fields, EncoderConfig* config) {
  const FieldNames& names = architecture.fields;
  const auto size = [&](absl::string_view field, int64_t low, int64_t high, int64_t* value) {
    if (!field.empty()) {
      fields->Size(field, low, high, value);
    }
  };
  size("vocab_size", 1, kMaxVocab, &config->vocab_size);
  size(names.width, 1, kMaxWidth, &config->width);
  size(names.layers, 0, kMaxLayers, &config->layers);
  size(names.heads, 1, kMaxSmall, &config->heads);
  size(names.intermediate, 1, kMaxIntermediate, &config->intermediate);
  size(names.max_positions, 1, kMaxPositions, &config->max_positions);
  if (!names.activation.empty()) {
    fields->Act(names.activation, &config->activation);
  }
  size(names.token_types, architecture.defaults.token_types == 0 ? 0 : 1, kMaxSmall, &config->token_types);
  size(names.embedding_width, 1, kMaxWidth, &config->embedding_width);
  size(names.layer_groups, 1, kMaxLayers, &config->layer_groups);
  size(names.inner_group_num, 1, kMaxLayers, &config->inner_group_num);
  if (!names.layer_norm_eps.empty()) {
    fields->Number(names.layer_norm_eps, 1e-15, 0.1, &config->layer_norm_eps);
  }
  fields->Number("initializer_range", 0, 10, &config->initializer_range);
  if (!names.hidden_dropout.empty()) {
    fields->Number(names.hidden_dropout, 0, 0.99, &config->hidden_dropout);
  }
  if (!names.attention_dropout.empty()) {
    fields->Number(names.attention_dropout, 0, 0.99, &config->attention_dropout);
  }
  fields->Flag("tie_word_embeddings", &config->tied);
  if (!names.padding.empty()) {
    int64_t padding = config->position_offset - 1;
    fields->Size(names.padding, 0, kMaxVocab, &padding);
    config->position_offset = padding + 1;
  }
  // At least 32, because distances always have 32 buckets (EncoderConfig::distance_buckets).
  size(names.relative_buckets, 32, kMaxSmall, &config->relative_buckets);
}

// Computes the values that depend on other fields.
void Derive(const Architecture& architecture, EncoderConfig* config) {
  if (architecture.fields.embedding_width.empty()) {
    config->embedding_width = config->width;
  }
  if (architecture.fields.layer_groups.empty()) {
    config->layer_groups = config->layers;
  }
  config->embedding_map =
      architecture.embedding_map == EmbeddingMap::kAlways ||
      (architecture.embedding_map == EmbeddingMap::kWhereWidthsDiffer && config->embedding_width != config->width);
  config->head_activation = architecture.head_activation.value_or(config->activation);
}

void CheckSizes(const FieldNames& names, const EncoderConfig& config, ConfigFields* fields) {
  // The number of layers that are applied, and of those that have parameters.
  if (std::max(config.layers, config.layer_groups) * config.inner_group_num > kMaxLayers) {
    fields->Fail(absl::StrCat(names.layers, " ", config.layers, " times ", names.inner_group_num, " ",
                              config.inner_group_num, " must be at most ", kMaxLayers));
  }
  if (config.layers == 0 && (config.pre_norm || !names.layer_groups.empty())) {
    fields->Fail(absl::StrCat(names.layers, " must be at least 1 for this architecture"));
  }
  if (config.head_width == 0 && config.width % config.heads != 0) {
    fields->Fail(
        absl::StrCat(names.width, " ", config.width, " must be a multiple of ", names.heads, " ", config.heads));
  }
  if (config.position_offset >= config.max_positions) {
    fields->Fail(absl::StrCat(names.max_positions, " ", config.max_positions, " leaves no position: the first is ",
                              config.position_offset));
  }
  if (config.layer_groups > config.layers) {
    fields->Fail(absl::StrCat(names.layer_groups, " ", config.layer_groups, " must be at most ", names.layers, " ",
                              config.layers));
  }
}

}  // namespace

absl::StatusOr<EncoderConfig> ParseEncoderConfig(absl::string_view json, absl::string_view name) {
  ASSIGN_OR_RETURN(const Json parsed, ParseJson(json, name));
  if (!parsed.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": it must be a JSON object, not ", Shown(parsed)));
  }
  ConfigFields fields(parsed, name);
  const Architecture* architecture =
      fields.Find("model_type") != nullptr ? FindByModelType(&fields) : FindByClass(&fields);
  if (architecture == nullptr) {
    return fields.status();
  }
  EncoderConfig config = architecture->defaults;
  config.model_type = std::string(architecture->model_type);
  RefuseUnsupported(*architecture, &fields);
  ReadFields(*architecture, &fields, &config);
  Derive(*architecture, &config);
  if (architecture->read_more != nullptr) {
    architecture->read_more(&fields, &config);
  }
  CheckSizes(architecture->fields, config, &fields);
  RETURN_IF_ERROR(fields.status());
  return config;
}

std::string ConfigJson(const EncoderConfig& config) {
  const Architecture& architecture = *FindArchitecture(config.model_type);
  const FieldNames& names = architecture.fields;
  nlohmann::ordered_json json;
  const auto put = [&](absl::string_view field, int64_t value) {
    if (!field.empty()) {
      json[std::string(field)] = value;
    }
  };
  json["model_type"] = config.model_type;
  put("vocab_size", config.vocab_size);
  put(names.width, config.width);
  put(names.layers, config.layers);
  put(names.heads, config.heads);
  put(names.intermediate, config.intermediate);
  put(names.max_positions, config.max_positions);
  put(names.token_types, config.token_types);
  put(names.embedding_width, config.embedding_width);
  put(names.layer_groups, config.layer_groups);
  put(names.inner_group_num, config.inner_group_num);
  put(names.padding, config.position_offset - 1);
  put(names.relative_buckets, config.relative_buckets);
  if (!names.activation.empty()) {
    json[std::string(names.activation)] = std::string(ActivationName(config.activation));
  }
  if (!names.layer_norm_eps.empty()) {
    json[std::string(names.layer_norm_eps)] = config.layer_norm_eps;
  }
  json["initializer_range"] = config.initializer_range;
  json["tie_word_embeddings"] = config.tied;
  if (!names.hidden_dropout.empty()) {
    json[std::string(names.hidden_dropout)] = config.hidden_dropout;
  }
  if (!names.attention_dropout.empty()) {
    json[std::string(names.attention_dropout)] = config.attention_dropout;
  }
  if (architecture.write_more != nullptr) {
    architecture.write_more(config, &json);
  }
  return json.dump(2);
}

}  // namespace metaprompt

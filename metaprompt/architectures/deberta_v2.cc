// DeBERTa-v2 and -v3 (He et al. 2021; He et al. 2023): BERT with disentangled attention and a sentencepiece tokenizer.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_fields.h"

namespace metaprompt::architectures {
namespace {

using Json = nlohmann::json;

constexpr char kContentToPosition[] = "c2p";
constexpr char kPositionToContent[] = "p2c";

// A size that is unset if it is missing, null or less than 1.
int64_t SizeOr(ConfigFields* fields, absl::string_view field, int64_t otherwise) {
  const Json* value = fields->Find(field);
  if (value != nullptr && value->is_number_integer() && !value->is_number_unsigned()) {
    return otherwise;
  }
  int64_t size = 0;
  fields->SizeUnlessNull(field, 0, 1 << 20, &size);
  return size == 0 ? otherwise : size;
}

// "c2p|p2c" or ["c2p", "p2c"].
std::vector<std::string> Names(ConfigFields* fields, absl::string_view field, const std::vector<std::string>& known) {
  const Json* value = fields->Find(field);
  std::vector<std::string> names;
  if (value == nullptr || value->is_null()) {
    return names;
  }
  if (value->is_string()) {
    for (absl::string_view name : absl::StrSplit(value->get_ref<const std::string&>(), '|')) {
      names.push_back(absl::AsciiStrToLower(absl::StripAsciiWhitespace(name)));
    }
  } else if (value->is_array()) {
    for (const Json& name : *value) {
      names.push_back(name.is_string() ? name.get<std::string>() : std::string());
    }
  }
  const auto is_known = [&](const std::string& name) {
    return std::find(known.begin(), known.end(), name) != known.end();
  };
  if ((names.empty() && !value->is_array()) || !std::all_of(names.begin(), names.end(), is_known)) {
    fields->Wrong(field, absl::StrCat("made of ", known[0], " and ", known[1]), *value);
  }
  return names;
}

bool Contains(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

void ReadDisentangled(ConfigFields* fields, EncoderConfig* config) {
  bool relative = false;
  fields->Flag("relative_attention", &relative);
  const std::vector<std::string> terms = Names(fields, "pos_att_type", {kContentToPosition, kPositionToContent});
  const std::vector<std::string> norms = Names(fields, "norm_rel_ebd", {"none", "layer_norm"});
  if (relative == terms.empty()) {
    return fields->Fail(absl::StrCat("relative_attention is ", relative ? "true" : "false", " and pos_att_type is ",
                                     relative ? "empty" : "not",
                                     "; only models with both or with neither are supported"));
  }
  if (!relative) {
    return;
  }
  DisentangledConfig& disentangled = config->disentangled.emplace();
  disentangled.content_to_position = Contains(terms, kContentToPosition);
  disentangled.position_to_content = Contains(terms, kPositionToContent);
  disentangled.norm = Contains(norms, "layer_norm");
  disentangled.farthest = SizeOr(fields, "max_relative_positions", config->max_positions);
  disentangled.buckets = SizeOr(fields, "position_buckets", 0);
  fields->Flag("share_att_key", &disentangled.shared);
  if (disentangled.buckets == 1 ||
      (disentangled.buckets > 0 && disentangled.farthest - 1 <= disentangled.buckets / 2)) {
    fields->Fail(absl::StrCat("position_buckets ", disentangled.buckets,
                              " must be at least 2 and less than twice the largest distance, ",
                              disentangled.farthest - 1));
  }
}

void Read(ConfigFields* fields, EncoderConfig* config) {
  bool added = true;
  fields->Flag("position_biased_input", &added);
  config->positions = added ? Positions::kAdded : Positions::kNone;
  bool legacy = true;
  fields->Flag("legacy", &legacy);
  config->other_head = !legacy;
  config->tied = config->tied || config->other_head;
  ReadDisentangled(fields, config);
  if (const int64_t kernel = SizeOr(fields, "conv_kernel_size", 0); kernel > 0) {
    fields->Fail(absl::StrCat("conv_kernel_size is ", kernel, "; only models without a convolution are supported"));
  }
  for (const auto& [field, only] : {std::make_pair("embedding_size", config->width),
                                    std::make_pair("attention_head_size", config->width / config->heads)}) {
    if (const int64_t size = SizeOr(fields, field, only); size != only) {
      fields->Fail(absl::StrCat(field, " ", size, " must be ", only));
    }
  }
}

void Write(const EncoderConfig& config, nlohmann::ordered_json* json) {
  nlohmann::ordered_json& out = *json;
  out["position_biased_input"] = config.positions == Positions::kAdded;
  out["legacy"] = !config.other_head;
  out["relative_attention"] = config.disentangled.has_value();
  if (!config.disentangled) {
    return;
  }
  const DisentangledConfig& disentangled = *config.disentangled;
  out["pos_att_type"] = nlohmann::ordered_json::array();
  for (const auto& [on, name] : {std::make_pair(disentangled.content_to_position, kContentToPosition),
                                 std::make_pair(disentangled.position_to_content, kPositionToContent)}) {
    if (on) {
      out["pos_att_type"].push_back(name);
    }
  }
  out["norm_rel_ebd"] = disentangled.norm ? "layer_norm" : "none";
  out["max_relative_positions"] = disentangled.farthest;
  out["position_buckets"] = disentangled.buckets > 0 ? disentangled.buckets : -1;
  out["share_att_key"] = disentangled.shared;
}

}  // namespace

Architecture DebertaV2() {
  Architecture deberta;
  deberta.model_type = "deberta-v2";
  deberta.class_prefix = "DebertaV2";
  deberta.tokenizer_class = "DebertaV2Tokenizer";
  deberta.tokenizer = TokenizerKind::kDebertaSentencePiece;
  deberta.unused = {"mask_predictions.", "position_embeddings."};
  deberta.read_more = Read;
  deberta.write_more = Write;
  // The names in published models. The default names are those of transformers before 4.47, which therefore initialises
  // the head of published models randomly.
  OtherHead head;
  head.unless = "legacy";
  head.transform = "lm_predictions.lm_head.dense";
  head.transform_norm = "lm_predictions.lm_head.LayerNorm";
  head.decoder = "lm_predictions.lm_head.decoder.weight";
  head.decoder_bias = "lm_predictions.lm_head.bias";
  deberta.other_head = head;

  deberta.defaults.vocab_size = 128100;
  deberta.defaults.width = 1536;
  deberta.defaults.layers = 24;
  deberta.defaults.heads = 24;
  deberta.defaults.intermediate = 6144;
  deberta.defaults.token_types = 0;
  deberta.defaults.layer_norm_eps = 1e-7;

  TensorNames& tensors = deberta.tensors;
  tensors.base = "deberta.";
  tensors.query = "attention.self.query_proj";
  tensors.key = "attention.self.key_proj";
  tensors.value = "attention.self.value_proj";
  tensors.position_key = "attention.self.pos_key_proj";
  tensors.position_query = "attention.self.pos_query_proj";
  tensors.distances = "encoder.rel_embeddings";
  tensors.distance_norm = "encoder.LayerNorm";
  return deberta;
}

}  // namespace metaprompt::architectures

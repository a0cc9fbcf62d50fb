// ModernBERT (Warner et al. 2024): norms before each half of a layer, no biases, rotary positions, gated feed-forward
// layers, and local attention in two of three layers.
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/rope_fields.h"

namespace metaprompt::architectures {
namespace {

using Json = nlohmann::json;

constexpr char kGlobal[] = "full_attention";
constexpr char kLocal[] = "sliding_attention";

// Reads which layers are local: from a list or, in older files, all layers except every n-th.
void ReadLayerTypes(ConfigFields* fields, EncoderConfig* config) {
  config->local_layers.clear();
  const Json* types = fields->Find("layer_types");
  if (types == nullptr || types->is_null()) {
    int64_t every = 3;
    fields->Size("global_attn_every_n_layers", 1, kMaxLayers, &every);
    for (int64_t i = 0; i < config->layers; ++i) {
      config->local_layers.push_back(i % every != 0);
    }
    return;
  }
  if (!types->is_array() || static_cast<int64_t>(types->size()) != config->layers) {
    return fields->Wrong("layer_types", absl::StrCat("a list of ", config->layers, " types"), *types);
  }
  for (const Json& type : *types) {
    if (type != kGlobal && type != kLocal) {
      return fields->Wrong("layer_types", absl::StrCat("a list of ", kGlobal, " and ", kLocal), type);
    }
    config->local_layers.push_back(type == kLocal);
  }
}

void ReadPositions(ConfigFields* fields, EncoderConfig* config) {
  int64_t window = 2 * config->window;
  fields->Size("local_attention", 1, 1 << 21, &window);
  config->window = window / 2;
  int64_t sliding = config->window;  // transformers 5 takes it as half of local_attention
  fields->SizeUnlessNull("sliding_window", 1, 1 << 20, &sliding);
  if (sliding != config->window) {
    fields->Fail(absl::StrCat("sliding_window ", sliding, " is not half of local_attention ", window));
  }
  fields->Number("global_rope_theta", 1, 1e12, &config->rotary_theta);
  fields->Number("local_rope_theta", 1, 1e12, &config->local_rotary_theta);
  double of_all_layers = 0;
  ReadRopeFields(fields, &of_all_layers);
  if (of_all_layers > 0) {
    fields->Fail(absl::StrCat("rope_theta ", of_all_layers, " stands for all layers, whose angles differ; give ",
                              "rope_parameters.", kGlobal, ".rope_theta and rope_parameters.", kLocal, ".rope_theta"));
  }
  const Json* rope = fields->Find("rope_parameters");
  if (rope == nullptr || rope->is_null()) {
    return;
  }
  for (const auto& [type, theta] :
       {std::make_pair(kGlobal, &config->rotary_theta), std::make_pair(kLocal, &config->local_rotary_theta)}) {
    if (const auto found = rope->find(type); found != rope->end() && !found->is_null()) {
      ReadRope(*found, absl::StrCat("rope_parameters.", type), fields, theta);
    }
  }
}

// ModernBERT's three rates must be equal, because EncoderConfig has only one rate for embeddings, attention's results
// and the inside of feed-forward layers.
void ReadDropout(ConfigFields* fields, EncoderConfig* config) {
  double embedding = 0;
  fields->Number("embedding_dropout", 0, 0.99, &embedding);
  fields->EqualRates({{"embedding_dropout", embedding},
                      {"mlp_dropout", config->hidden_dropout},
                      {"attention_dropout", config->attention_dropout}});
}

void Read(ConfigFields* fields, EncoderConfig* config) {
  fields->Flag("norm_bias", &config->norm_bias);
  fields->Flag("attention_bias", &config->attention_bias);
  config->attention_out_bias = config->attention_bias;
  fields->Flag("mlp_bias", &config->feed_forward_bias);
  fields->Flag("classifier_bias", &config->head_bias);
  fields->Flag("decoder_bias", &config->decoder_bias);
  fields->Act("classifier_activation", &config->head_activation);
  ReadLayerTypes(fields, config);
  ReadPositions(fields, config);
  ReadDropout(fields, config);
  CheckRotaryWidth("hidden_size", "num_attention_heads", *config, fields);
}

void Write(const EncoderConfig& config, nlohmann::ordered_json* json) {
  nlohmann::ordered_json& out = *json;
  out["norm_bias"] = config.norm_bias;
  out["attention_bias"] = config.attention_bias;
  out["mlp_bias"] = config.feed_forward_bias;
  out["classifier_bias"] = config.head_bias;
  out["decoder_bias"] = config.decoder_bias;
  out["classifier_activation"] = std::string(ActivationName(config.head_activation));
  out["local_attention"] = 2 * config.window;
  out["global_rope_theta"] = config.rotary_theta;
  out["local_rope_theta"] = config.local_rotary_theta;
  out["embedding_dropout"] = config.hidden_dropout;
  for (const bool local : config.local_layers) {
    out["layer_types"].push_back(local ? kLocal : kGlobal);
  }
}

}  // namespace

Architecture ModernBert() {
  Architecture modern;
  modern.model_type = "modernbert";
  modern.class_prefix = "ModernBert";
  modern.tokenizer_class = "PreTrainedTokenizerFast";
  modern.tokenizer = TokenizerKind::kModernByteBpe;
  modern.head_activation = Activation::kGelu;
  modern.read_more = Read;
  modern.write_more = Write;

  EncoderConfig& defaults = modern.defaults;
  defaults.vocab_size = 50368;
  defaults.layers = 22;
  defaults.intermediate = 1152;
  defaults.positions = Positions::kRotary;
  defaults.max_positions = 8192;
  defaults.token_types = 0;
  defaults.layer_norm_eps = 1e-5;
  defaults.hidden_dropout = 0;
  defaults.attention_dropout = 0;
  defaults.drops_feed_forward = false;
  defaults.drops_inside_feed_forward = true;
  defaults.norm_bias = false;
  defaults.attention_bias = false;
  defaults.attention_out_bias = false;
  defaults.feed_forward_bias = false;
  defaults.head_bias = false;
  defaults.pre_norm = true;
  defaults.norm_before_first = false;
  defaults.gated = true;
  defaults.rotary_theta = 160000;
  defaults.window = 64;

  modern.fields.token_types = "";
  modern.fields.activation = "hidden_activation";
  modern.fields.layer_norm_eps = "norm_eps";
  modern.fields.hidden_dropout = "mlp_dropout";
  modern.fields.attention_dropout = "attention_dropout";

  TensorNames& tensors = modern.tensors;
  tensors.base = "model.";
  tensors.words = "embeddings.tok_embeddings";
  tensors.embedding_norm = "embeddings.norm";
  tensors.layer = "layers.";
  tensors.fused = {"attn.Wqkv", "mlp.Wi"};
  tensors.query = "attn.Wqkv.query";
  tensors.key = "attn.Wqkv.key";
  tensors.value = "attn.Wqkv.value";
  tensors.attention_out = "attn.Wo";
  tensors.attention_norm = "attn_norm";
  tensors.up = "mlp.Wi.up";
  tensors.gate = "mlp.Wi.gate";
  tensors.down = "mlp.Wo";
  tensors.out_norm = "mlp_norm";
  tensors.final_norm = "final_norm";
  tensors.transform = "head.dense";
  tensors.transform_norm = "head.norm";
  tensors.decoder = "decoder.weight";
  tensors.decoder_bias = "decoder.bias";
  return modern;
}

}  // namespace metaprompt::architectures

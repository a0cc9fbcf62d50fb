// Llama (Touvron et al. 2023; Dubey et al. 2024): a causal model with rotary positions, root-mean-square norms before
// each half of a layer, gated feed-forward layers, and heads of queries that share keys and values.
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/rope_fields.h"

namespace metaprompt::architectures {
namespace {

using Json = nlohmann::json;

constexpr char kEveryLayer[] = "full_attention";

// A field that is missing or null has the value that follows from others.
void ReadHeads(ConfigFields* fields, EncoderConfig* config) {
  const auto size = [&](absl::string_view field, int64_t* value) {
    if (const Json* found = fields->Find(field); found != nullptr && !found->is_null()) {
      fields->Size(field, 1, 1 << 16, value);
    }
  };
  if (config->key_heads == 0) {
    config->key_heads = config->heads;
  }
  size("num_key_value_heads", &config->key_heads);
  if (config->heads % config->key_heads != 0) {
    fields->Fail(absl::StrCat("num_attention_heads ", config->heads, " must be a multiple of num_key_value_heads ",
                              config->key_heads));
  }
  int64_t depth = config->width / config->heads;
  size("head_dim", &depth);
  if (depth * config->heads != config->width) {
    fields->Fail(absl::StrCat("head_dim ", depth, " times num_attention_heads ", config->heads, " must be hidden_size ",
                              config->width));
  }
  CheckRotaryWidth("hidden_size", "num_attention_heads", *config, fields);
}

void ReadPositions(ConfigFields* fields, EncoderConfig* config) {
  fields->Number("rope_theta", 1, 1e12, &config->rotary_theta);
  RefuseRopeScaling(fields);
  if (const Json* rope = fields->Find("rope_parameters"); rope != nullptr && !rope->is_null()) {
    ReadRope(*rope, "rope_parameters", fields, &config->rotary_theta);
  }
}

void Read(ConfigFields* fields, EncoderConfig* config) {
  ReadHeads(fields, config);
  ReadPositions(fields, config);
  if (config->model_type == "llama") {
    fields->Flag("attention_bias", &config->attention_bias);
    config->attention_out_bias = config->attention_bias;
    fields->Flag("mlp_bias", &config->feed_forward_bias);
  }
  const Json* types = fields->Find("layer_types");
  if (types == nullptr || types->is_null()) {
    return;
  }
  for (const Json& type : *types) {
    if (type != kEveryLayer) {
      return fields->Wrong("layer_types", absl::StrCat("a list of ", kEveryLayer), type);
    }
  }
}

void Write(const EncoderConfig& config, nlohmann::ordered_json* json) {
  nlohmann::ordered_json& out = *json;
  out["num_key_value_heads"] = config.key_heads;
  out["rope_theta"] = config.rotary_theta;
  if (config.model_type == "llama") {
    out["attention_bias"] = config.attention_bias;
    out["mlp_bias"] = config.feed_forward_bias;
  }
}

}  // namespace

Architecture Llama() {
  Architecture llama;
  llama.model_type = "llama";
  llama.class_prefix = "Llama";
  llama.tokenizer_class = "LlamaTokenizer";
  llama.tokenizer = TokenizerKind::kLlamaByteBpe;
  llama.head = HeadKind::kNone;
  llama.head_class = "ForCausalLM";
  llama.read_more = Read;
  llama.write_more = Write;
  llama.unused = {"rotary_emb.inv_freq"};

  EncoderConfig& defaults = llama.defaults;
  defaults.vocab_size = 32000;
  defaults.width = 4096;
  defaults.layers = 32;
  defaults.heads = 32;
  defaults.intermediate = 11008;
  defaults.positions = Positions::kRotary;
  defaults.max_positions = 2048;
  defaults.token_types = 0;
  defaults.activation = Activation::kSilu;
  defaults.layer_norm_eps = 1e-6;
  defaults.rms_norm = true;
  defaults.attention_bias = false;
  defaults.attention_out_bias = false;
  defaults.feed_forward_bias = false;
  defaults.decoder_bias = false;
  defaults.embedding_norm = false;
  defaults.pre_norm = true;
  defaults.gated = true;
  defaults.causal = true;
  defaults.tied = false;
  defaults.hidden_dropout = 0;
  defaults.attention_dropout = 0;

  llama.fields.token_types = "";
  llama.fields.layer_norm_eps = "rms_norm_eps";
  llama.fields.hidden_dropout = "";
  llama.fields.attention_dropout = "attention_dropout";

  TensorNames& tensors = llama.tensors;
  tensors.base = "model.";
  tensors.words = "embed_tokens";
  tensors.layer = "layers.";
  tensors.query = "self_attn.q_proj";
  tensors.key = "self_attn.k_proj";
  tensors.value = "self_attn.v_proj";
  tensors.attention_out = "self_attn.o_proj";
  tensors.attention_norm = "input_layernorm";
  tensors.up = "mlp.gate_proj";  // with the activation
  tensors.gate = "mlp.up_proj";
  tensors.down = "mlp.down_proj";
  tensors.out_norm = "post_attention_layernorm";
  tensors.final_norm = "norm";
  tensors.decoder = "lm_head.weight";
  return llama;
}

}  // namespace metaprompt::architectures

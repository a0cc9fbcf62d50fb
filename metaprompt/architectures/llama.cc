// Llama (Touvron et al. 2023; Dubey et al. 2024): a causal model with rotary positions, root-mean-square norms before
// each half of a layer, gated feed-forward layers, and heads of queries that share keys and values.
#include <nlohmann/json.hpp>

#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_fields.h"
#include "metaprompt/architectures/llama_fields.h"

namespace metaprompt::architectures {
namespace {

void Read(ConfigFields* fields, EncoderConfig* config) {
  ReadLlamaFields(fields, config);
  fields->Flag("attention_bias", &config->attention_bias);
  config->attention_out_bias = config->attention_bias;
  fields->Flag("mlp_bias", &config->feed_forward_bias);
}

void Write(const EncoderConfig& config, nlohmann::ordered_json* json) {
  WriteLlamaFields(config, json);
  (*json)["attention_bias"] = config.attention_bias;
  (*json)["mlp_bias"] = config.feed_forward_bias;
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
  tensors.up = "mlp.gate_proj";  // the matrix with the activation
  tensors.gate = "mlp.up_proj";
  tensors.down = "mlp.down_proj";
  tensors.out_norm = "post_attention_layernorm";
  tensors.final_norm = "norm";
  tensors.decoder = "lm_head.weight";
  return llama;
}

}  // namespace metaprompt::architectures

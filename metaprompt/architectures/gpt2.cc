// GPT-2 (Radford et al. 2019): a causal model with layer norms before each half of a layer and after the last layer.
#include <nlohmann/json.hpp>

#include "metaprompt/architectures/architectures.h"

namespace metaprompt::architectures {
namespace {

void ReadMore(ConfigFields* fields, EncoderConfig* config) {
  config->intermediate = 4 * config->width;
  fields->SizeUnlessNull("n_inner", 1, 1 << 20, &config->intermediate);
  double embedding_dropout = config->hidden_dropout;
  fields->Number("embd_pdrop", 0, 0.99, &embedding_dropout);
  fields->EqualRates({{"embd_pdrop", embedding_dropout}, {"resid_pdrop", config->hidden_dropout}});
  bool scales = true;
  fields->Flag("scale_attn_weights", &scales);
  if (!scales) {
    fields->Fail("scale_attn_weights is false; only models that scale them are supported");
  }
}

void WriteMore(const EncoderConfig& config, nlohmann::ordered_json* json) {
  (*json)["n_inner"] = config.intermediate;
  (*json)["embd_pdrop"] = config.hidden_dropout;
}

}  // namespace

Architecture Gpt2() {
  Architecture gpt2;
  gpt2.model_type = "gpt2";
  gpt2.class_prefix = "GPT2";
  gpt2.tokenizer_class = "GPT2Tokenizer";
  gpt2.tokenizer = TokenizerKind::kGpt2ByteBpe;
  gpt2.head = HeadKind::kNone;
  gpt2.head_class = "LMHeadModel";
  gpt2.read_more = ReadMore;
  gpt2.write_more = WriteMore;
  gpt2.refused_options = {"scale_attn_by_inverse_layer_idx"};
  gpt2.unused = {".attn.bias", ".attn.masked_bias"};  // the causal mask, as a buffer

  EncoderConfig& defaults = gpt2.defaults;
  defaults.vocab_size = 50257;
  defaults.max_positions = 1024;
  defaults.token_types = 0;
  defaults.activation = Activation::kGeluTanh;
  defaults.layer_norm_eps = 1e-5;
  defaults.causal = true;
  defaults.pre_norm = true;
  defaults.embedding_norm = false;
  defaults.decoder_bias = false;

  FieldNames& fields = gpt2.fields;
  fields.width = "n_embd";
  fields.layers = "n_layer";
  fields.heads = "n_head";
  fields.intermediate = "";  // read by read_more: n_inner may be null
  fields.max_positions = "n_positions";
  fields.token_types = "";
  fields.activation = "activation_function";
  fields.layer_norm_eps = "layer_norm_epsilon";
  fields.hidden_dropout = "resid_pdrop";
  fields.attention_dropout = "attn_pdrop";

  TensorNames& tensors = gpt2.tensors;
  tensors.base = "transformer.";
  tensors.words = "wte";
  tensors.positions = "wpe";
  tensors.layer = "h.";
  tensors.fused = {"attn.c_attn"};
  tensors.query = "attn.c_attn.query";
  tensors.key = "attn.c_attn.key";
  tensors.value = "attn.c_attn.value";
  tensors.attention_out = "attn.c_proj";
  tensors.attention_norm = "ln_1";
  tensors.up = "mlp.c_fc";
  tensors.down = "mlp.c_proj";
  tensors.out_norm = "ln_2";
  tensors.final_norm = "ln_f";
  tensors.inputs_first = true;
  tensors.decoder = "lm_head.weight";
  return gpt2;
}

}  // namespace metaprompt::architectures

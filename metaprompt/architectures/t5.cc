// T5 (Raffel et al. 2020): an encoder and a decoder with relative positions, root-mean-square norms before each half of
// a layer, no biases, and attention scores that are not scaled. Version 1.1 (Shazeer 2020) has gated feed-forward
// layers and a head of its own.
#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_fields.h"

namespace metaprompt::architectures {
namespace {

constexpr char kGated[] = "gated-";
constexpr int64_t kMostSizes = 1 << 16;

// transformers derives these fields from feed_forward_proj, but obeys them if they are there.
void CheckDerived(const EncoderConfig& config, ConfigFields* fields) {
  const std::string activation(ActivationName(config.activation));
  std::string given = activation;
  fields->Text("dense_act_fn", &given);
  if (given != activation) {
    fields->Wrong("dense_act_fn", absl::StrCat(activation, ", as feed_forward_proj has it"), given);
  }
  bool gated = config.gated;
  fields->Flag("is_gated_act", &gated);
  if (gated != config.gated) {
    fields->Fail("is_gated_act contradicts feed_forward_proj");
  }
}

// feed_forward_proj is the name of an activation, or "gated-" and that name. gated-gelu means gelu's approximation.
void ReadFeedForward(ConfigFields* fields, EncoderConfig* config) {
  std::string kind = "relu";
  fields->Text("feed_forward_proj", &kind);
  absl::string_view name = kind;
  config->gated = absl::ConsumePrefix(&name, kGated);
  for (const Activation one : {Activation::kRelu, Activation::kGelu, Activation::kGeluTanh, Activation::kSilu}) {
    if (name == ActivationName(one)) {
      config->activation = config->gated && one == Activation::kGelu ? Activation::kGeluTanh : one;
      CheckDerived(*config, fields);
      return;
    }
  }
  fields->Wrong("feed_forward_proj", "relu, gelu, gelu_new or silu, or one of them after gated-", kind);
}

void ReadMore(ConfigFields* fields, EncoderConfig* config) {
  fields->Size("d_kv", 1, kMostSizes, &config->head_width);
  config->decoder_layers = config->layers;
  fields->SizeUnlessNull("num_decoder_layers", 1, kMaxLayers, &config->decoder_layers);
  ReadFeedForward(fields, config);
  fields->Size("relative_attention_num_buckets", 4, 4096, &config->relative_buckets);
  config->distance_buckets = config->relative_buckets;
  fields->Size("relative_attention_max_distance", 2, 1 << 20, &config->farthest_distance);
  if (config->farthest_distance <= config->relative_buckets / 2) {
    fields->Fail(absl::StrCat("relative_attention_max_distance ", config->farthest_distance,
                              " must be more than half of relative_attention_num_buckets ", config->relative_buckets));
  }
  config->attention_dropout = config->hidden_dropout;
  // Published configs of version 1.1 have only tie_word_embeddings, which is false. transformers 5 writes both.
  config->scaled_head = config->tied;
  fields->Flag("scale_decoder_outputs", &config->scaled_head);
  fields->SizeUnlessNull("pad_token_id", 0, config->vocab_size - 1, &config->decoder_start);
  fields->SizeUnlessNull("decoder_start_token_id", 0, config->vocab_size - 1, &config->decoder_start);
}

void WriteMore(const EncoderConfig& config, nlohmann::ordered_json* json) {
  nlohmann::ordered_json& out = *json;
  out["is_encoder_decoder"] = true;
  out["d_kv"] = config.head_width;
  out["num_decoder_layers"] = config.decoder_layers;
  out["relative_attention_num_buckets"] = config.relative_buckets;
  out["relative_attention_max_distance"] = config.farthest_distance;
  const bool gelu = config.gated && config.activation == Activation::kGeluTanh;
  out["feed_forward_proj"] =
      absl::StrCat(config.gated ? kGated : "", gelu ? "gelu" : ActivationName(config.activation));
  out["scale_decoder_outputs"] = config.scaled_head;
  out["decoder_start_token_id"] = config.decoder_start;
}

TensorNames NamesOf(absl::string_view stack) {
  const bool decoder = stack == "decoder";
  TensorNames names;
  names.base = "";
  names.words = "shared";
  names.layer = decoder ? "decoder.block." : "encoder.block.";
  names.query = "layer.0.SelfAttention.q";
  names.key = "layer.0.SelfAttention.k";
  names.value = "layer.0.SelfAttention.v";
  names.attention_out = "layer.0.SelfAttention.o";
  names.attention_norm = "layer.0.layer_norm";
  names.cross_query = "layer.1.EncDecAttention.q";
  names.cross_key = "layer.1.EncDecAttention.k";
  names.cross_value = "layer.1.EncDecAttention.v";
  names.cross_out = "layer.1.EncDecAttention.o";
  names.cross_norm = "layer.1.layer_norm";
  names.up = decoder ? "layer.2.DenseReluDense.wi" : "layer.1.DenseReluDense.wi";
  names.gated_up = decoder ? "layer.2.DenseReluDense.wi_0" : "layer.1.DenseReluDense.wi_0";
  names.gate = decoder ? "layer.2.DenseReluDense.wi_1" : "layer.1.DenseReluDense.wi_1";
  names.down = decoder ? "layer.2.DenseReluDense.wo" : "layer.1.DenseReluDense.wo";
  names.out_norm = decoder ? "layer.2.layer_norm" : "layer.1.layer_norm";
  names.final_norm = decoder ? "decoder.final_layer_norm" : "encoder.final_layer_norm";
  names.relative_bias = decoder ? "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
                                : "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight";
  names.decoder = "lm_head.weight";
  return names;
}

}  // namespace

Architecture T5() {
  Architecture t5;
  t5.model_type = "t5";
  t5.class_prefix = "T5";
  t5.tokenizer_class = "T5Tokenizer";
  t5.tokenizer = TokenizerKind::kT5SentencePiece;
  t5.head = HeadKind::kNone;
  t5.head_class = "ForConditionalGeneration";
  t5.read_more = ReadMore;
  t5.write_more = WriteMore;
  // Copies of the word embedding, and a table that the first published checkpoints have, but do not use.
  t5.unused = {"encoder.embed_tokens.", "decoder.embed_tokens.", "EncDecAttention.relative_attention_bias"};
  t5.tensors = NamesOf("encoder");
  t5.decoder_tensors = NamesOf("decoder");

  EncoderConfig& defaults = t5.defaults;
  defaults.vocab_size = 32128;
  defaults.width = 512;
  defaults.layers = 6;
  defaults.decoder_layers = 6;
  defaults.heads = 8;
  defaults.head_width = 64;
  defaults.intermediate = 2048;
  defaults.positions = Positions::kNone;
  defaults.token_types = 0;
  defaults.relative_buckets = 32;
  defaults.activation = Activation::kRelu;
  defaults.layer_norm_eps = 1e-6;
  defaults.rms_norm = true;
  defaults.attention_bias = false;
  defaults.attention_out_bias = false;
  defaults.feed_forward_bias = false;
  defaults.decoder_bias = false;
  defaults.embedding_norm = false;
  defaults.pre_norm = true;
  defaults.scaled_scores = false;
  defaults.scaled_head = true;
  defaults.drops_inside_feed_forward = true;
  defaults.drops_final = true;

  FieldNames& fields = t5.fields;
  fields.width = "d_model";
  fields.layers = "num_layers";
  fields.heads = "num_heads";
  fields.intermediate = "d_ff";
  fields.max_positions = "n_positions";
  fields.token_types = "";
  fields.activation = "";  // in feed_forward_proj
  fields.layer_norm_eps = "layer_norm_epsilon";
  fields.hidden_dropout = "dropout_rate";
  fields.attention_dropout = "";  // the same rate
  return t5;
}

}  // namespace metaprompt::architectures

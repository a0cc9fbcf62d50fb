// config.json of Hugging Face encoders: values and defaults.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_json.h"

namespace metaprompt {
namespace {

EncoderConfig Config(absl::string_view json) {
  const absl::StatusOr<EncoderConfig> config = ParseEncoderConfig(json, "config.json");
  EXPECT_TRUE(config.ok()) << config.status();
  return config.value_or(EncoderConfig());
}

// The config.json of all-MiniLM-L6-v2.
constexpr char kMiniLm[] = R"({
  "_name_or_path": "nreimers/MiniLM-L6-H384-uncased", "architectures": ["BertModel"],
  "attention_probs_dropout_prob": 0.1, "gradient_checkpointing": false, "hidden_act": "gelu",
  "hidden_dropout_prob": 0.1, "hidden_size": 384, "initializer_range": 0.02, "intermediate_size": 1536,
  "layer_norm_eps": 1e-12, "max_position_embeddings": 512, "model_type": "bert", "num_attention_heads": 12,
  "num_hidden_layers": 6, "pad_token_id": 0, "position_embedding_type": "absolute", "transformers_version": "4.8.2",
  "type_vocab_size": 2, "use_cache": true, "vocab_size": 30522})";

TEST(EncoderConfigTest, EveryArchitecturesFieldsAndDefaults) {
  const EncoderConfig mini = Config(kMiniLm);
  EXPECT_EQ(mini.model_type, "bert");
  EXPECT_EQ(mini.vocab_size, 30522);
  EXPECT_EQ(mini.width, 384);
  EXPECT_EQ(mini.embedding_width, 384);
  EXPECT_EQ(mini.layers, 6);
  EXPECT_EQ(mini.heads, 12);
  EXPECT_EQ(mini.intermediate, 1536);
  EXPECT_EQ(mini.max_positions, 512);
  EXPECT_EQ(mini.position_offset, 0);
  EXPECT_EQ(mini.token_types, 2);
  EXPECT_EQ(mini.layer_groups, 6);
  EXPECT_EQ(mini.inner_group_num, 1);
  EXPECT_EQ(mini.relative_buckets, 0);
  EXPECT_EQ(mini.activation, Activation::kGelu);
  EXPECT_EQ(mini.layer_norm_eps, 1e-12);
  EXPECT_EQ(mini.initializer_range, 0.02);
  EXPECT_TRUE(mini.tied);

  // distilbert-base-uncased has other names for its sizes; the epsilon is fixed in its code.
  const EncoderConfig distil = Config(
      R"({"model_type": "distilbert", "dim": 96, "n_layers": 2, "n_heads": 4, "hidden_dim": 64, "activation": "relu",
          "layer_norm_eps": 0.01, "hidden_size": 7, "tie_weights_": true, "tie_word_embeddings": false})");
  EXPECT_EQ(distil.model_type, "distilbert");
  EXPECT_EQ(distil.width, 96);
  EXPECT_EQ(distil.embedding_width, 96);
  EXPECT_EQ(distil.layers, 2);
  EXPECT_EQ(distil.heads, 4);
  EXPECT_EQ(distil.intermediate, 64);
  EXPECT_EQ(distil.token_types, 0);
  EXPECT_EQ(distil.activation, Activation::kRelu);
  EXPECT_EQ(distil.layer_norm_eps, 1e-12);
  EXPECT_FALSE(distil.tied);

  // roberta-base's table has 514 rows, of which tokens use the third and later ones.
  const EncoderConfig roberta = Config(
      R"({"model_type": "roberta", "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-05})");
  EXPECT_EQ(roberta.vocab_size, 50265);
  EXPECT_EQ(roberta.max_positions, 514);
  EXPECT_EQ(roberta.position_offset, 2);
  EXPECT_EQ(roberta.token_types, 1);
  EXPECT_EQ(roberta.layer_norm_eps, 1e-5);
  EXPECT_EQ(Config(R"({"model_type": "roberta", "pad_token_id": 3})").position_offset, 4);

  // albert-base-v2.
  const EncoderConfig albert = Config(
      R"({"model_type": "albert", "embedding_size": 128, "hidden_size": 768, "num_attention_heads": 12,
          "intermediate_size": 3072, "num_hidden_groups": 1, "inner_group_num": 1, "net_structure_type": 0})");
  EXPECT_EQ(albert.vocab_size, 30000);
  EXPECT_EQ(albert.embedding_width, 128);
  EXPECT_EQ(albert.width, 768);
  EXPECT_EQ(albert.layers, 12);
  EXPECT_EQ(albert.layer_groups, 1);
  EXPECT_EQ(albert.activation, Activation::kGeluTanh);
  const EncoderConfig bare = Config(R"({"model_type": "albert"})");
  EXPECT_EQ(bare.width, 4096);
  EXPECT_EQ(bare.heads, 64);
  EXPECT_EQ(bare.intermediate, 16384);

  // all-mpnet-base-v2.
  const EncoderConfig mpnet = Config(
      R"({"model_type": "mpnet", "max_position_embeddings": 514, "pad_token_id": 7, "relative_attention_num_buckets": 64})");
  EXPECT_EQ(mpnet.vocab_size, 30527);
  EXPECT_EQ(mpnet.position_offset, 2);
  EXPECT_EQ(mpnet.token_types, 0);
  EXPECT_EQ(mpnet.relative_buckets, 64);
  EXPECT_EQ(Config(R"({"model_type": "mpnet"})").relative_buckets, 32);

  // xlm-roberta-base has RoBERTa's positions.
  const EncoderConfig xlm = Config(R"({"model_type": "xlm-roberta", "max_position_embeddings": 514})");
  EXPECT_EQ(xlm.vocab_size, 30522);
  EXPECT_EQ(xlm.position_offset, 2);
  EXPECT_EQ(xlm.token_types, 2);

  // electra-small, whose embeddings are narrower than its layers; electra-base's are not.
  const EncoderConfig electra = Config(R"({"model_type": "electra", "hidden_act": "relu"})");
  EXPECT_EQ(electra.vocab_size, 30522);
  EXPECT_EQ(electra.embedding_width, 128);
  EXPECT_EQ(electra.width, 256);
  EXPECT_EQ(electra.heads, 4);
  EXPECT_EQ(electra.intermediate, 1024);
  EXPECT_EQ(electra.layer_groups, 12);
  EXPECT_TRUE(electra.embedding_map);
  EXPECT_FALSE(Config(R"({"model_type": "electra", "embedding_size": 256})").embedding_map);
  // ModernBERT-base, as published and as transformers 5 writes it.
  const EncoderConfig modern = Config(
      R"({"model_type": "modernbert", "num_hidden_layers": 4, "global_attn_every_n_layers": 2, "local_attention": 30,
          "global_rope_theta": 9000.0, "local_rope_theta": 100.0, "attention_bias": false, "norm_bias": true,
          "position_embedding_type": "absolute", "hidden_activation": "silu", "decoder_bias": false})");
  EXPECT_EQ(modern.vocab_size, 50368);
  EXPECT_EQ(modern.max_positions, 8192);
  EXPECT_EQ(modern.token_types, 0);
  EXPECT_EQ(modern.intermediate, 1152);
  EXPECT_EQ(modern.local_layers, std::vector<bool>({false, true, false, true}));
  EXPECT_EQ(modern.window, 15);
  EXPECT_EQ(modern.rotary_theta, 9000);
  EXPECT_EQ(modern.local_rotary_theta, 100);
  EXPECT_EQ(modern.activation, Activation::kSilu);
  EXPECT_EQ(modern.head_activation, Activation::kGelu);
  EXPECT_TRUE(modern.norm_bias && modern.gated && modern.pre_norm);
  EXPECT_FALSE(modern.norm_before_first || modern.attention_bias || modern.feed_forward_bias || modern.decoder_bias);
  const EncoderConfig newer = Config(
      R"({"model_type": "modernbert", "num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"],
          "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 30.5},
                              "sliding_attention": {"rope_type": "default"}}})");
  EXPECT_EQ(newer.local_layers, std::vector<bool>({true, false}));
  EXPECT_EQ(newer.rotary_theta, 30.5);
  EXPECT_EQ(newer.local_rotary_theta, 10000);
  EXPECT_EQ(newer.window, 64);

  // deberta-v3-base, and the defaults of fields that are left out.
  const EncoderConfig deberta = Config(
      R"({"model_type": "deberta-v2", "attention_probs_dropout_prob": 0.1, "hidden_size": 768, "layer_norm_eps": 1e-07,
          "max_position_embeddings": 512, "max_relative_positions": -1, "norm_rel_ebd": "layer_norm",
          "num_attention_heads": 12, "num_hidden_layers": 12, "pos_att_type": "p2c|c2p", "position_biased_input": false,
          "position_buckets": 256, "relative_attention": true, "share_att_key": true, "type_vocab_size": 0})");
  EXPECT_EQ(deberta.positions, Positions::kNone);
  EXPECT_EQ(deberta.token_types, 0);
  EXPECT_FALSE(deberta.other_head) << "config.json does not name it";
  ASSERT_TRUE(deberta.disentangled.has_value());
  EXPECT_EQ(deberta.disentangled->farthest, 512);
  EXPECT_EQ(deberta.disentangled->buckets, 256);
  EXPECT_EQ(deberta.disentangled->span(), 256);
  EXPECT_TRUE(deberta.disentangled->content_to_position && deberta.disentangled->position_to_content);
  EXPECT_TRUE(deberta.disentangled->shared && deberta.disentangled->norm);
  const EncoderConfig oldest = Config(R"({"model_type": "deberta-v2", "legacy": false, "tie_word_embeddings": false})");
  EXPECT_FALSE(oldest.disentangled.has_value());
  EXPECT_EQ(oldest.positions, Positions::kAdded);
  EXPECT_EQ(oldest.vocab_size, 128100);
  EXPECT_EQ(oldest.width, 1536);
  EXPECT_EQ(oldest.layer_norm_eps, 1e-7);
  EXPECT_TRUE(oldest.other_head && oldest.tied);
  const EncoderConfig one_way = Config(
      R"({"model_type": "deberta-v2", "relative_attention": true, "pos_att_type": ["c2p"],
          "max_relative_positions": 70, "position_buckets": -1})");
  EXPECT_EQ(one_way.disentangled->span(), 70);
  EXPECT_FALSE(one_way.disentangled->position_to_content || one_way.disentangled->shared || one_way.disentangled->norm);

  EXPECT_TRUE(albert.embedding_map);
  EXPECT_FALSE(mini.embedding_map);

  // gpt2.
  const EncoderConfig gpt2 = Config(R"({"model_type": "gpt2", "n_embd": 64, "n_layer": 3, "n_head": 8, "n_ctx": 7})");
  EXPECT_EQ(gpt2.vocab_size, 50257);
  EXPECT_EQ(gpt2.width, 64);
  EXPECT_EQ(gpt2.embedding_width, 64);
  EXPECT_EQ(gpt2.layers, 3);
  EXPECT_EQ(gpt2.heads, 8);
  EXPECT_EQ(gpt2.intermediate, 256);
  EXPECT_EQ(gpt2.max_positions, 1024);
  EXPECT_EQ(gpt2.token_types, 0);
  EXPECT_EQ(gpt2.activation, Activation::kGeluTanh);
  EXPECT_EQ(gpt2.layer_norm_eps, 1e-5);
  EXPECT_TRUE(gpt2.causal && gpt2.pre_norm && gpt2.tied && !gpt2.decoder_bias && !gpt2.embedding_norm);
  EXPECT_EQ(Config(R"({"model_type": "gpt2", "n_inner": null})").intermediate, 3072);
  EXPECT_EQ(Config(R"({"model_type": "gpt2", "n_inner": 5})").intermediate, 5);
  EXPECT_FALSE(mini.causal);

  // Llama 3, and an older file with rope_theta outside; the defaults of llama and qwen2.
  const EncoderConfig llama = Config(
      R"({"model_type": "llama", "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 8,
          "num_key_value_heads": 2, "intermediate_size": 96, "max_position_embeddings": 8192, "rms_norm_eps": 1e-05,
          "head_dim": 8, "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}, "attention_bias": false})");
  EXPECT_EQ(llama.key_heads, 2);
  EXPECT_EQ(llama.rotary_theta, 500000);
  EXPECT_EQ(llama.max_positions, 8192);
  EXPECT_EQ(llama.layer_norm_eps, 1e-5);
  EXPECT_EQ(llama.hidden_dropout, 0);
  EXPECT_EQ(llama.activation, Activation::kSilu);
  EXPECT_TRUE(llama.causal && llama.pre_norm && llama.rms_norm && llama.gated && !llama.tied);
  EXPECT_TRUE(!llama.attention_bias && !llama.attention_out_bias && !llama.feed_forward_bias && !llama.decoder_bias);
  const EncoderConfig biases = Config(
      R"({"model_type": "llama", "rope_theta": 77, "rope_scaling": null, "attention_bias": true, "mlp_bias": true,
          "num_key_value_heads": null})");
  EXPECT_EQ(biases.key_heads, 32);
  EXPECT_EQ(biases.rotary_theta, 77);
  EXPECT_TRUE(biases.attention_bias && biases.attention_out_bias && biases.feed_forward_bias);
  EXPECT_EQ(Config(R"({"model_type": "llama", "rope_theta": 7, "rope_scaling": {"type": "default", "rope_theta": 5}})")
                .rotary_theta,
            5);
  const EncoderConfig qwen2 = Config(
      R"({"model_type": "qwen2", "num_key_value_heads": 4, "tie_word_embeddings": true, "use_sliding_window": false,
          "sliding_window": 131072, "attention_bias": false})");
  EXPECT_EQ(qwen2.key_heads, 4);
  EXPECT_EQ(qwen2.vocab_size, 151936);
  EXPECT_EQ(qwen2.intermediate, 22016);
  EXPECT_TRUE(qwen2.attention_bias && !qwen2.attention_out_bias && qwen2.tied);

  // Some heads have GELU for every configuration.
  for (const char* type : {"roberta", "xlm-roberta", "mpnet", "electra"}) {
    const EncoderConfig config = Config(absl::StrCat(R"({"model_type": ")", type, R"(", "hidden_act": "relu"})"));
    EXPECT_EQ(config.activation, Activation::kRelu) << type;
    EXPECT_EQ(config.head_activation, Activation::kGelu) << type;
  }
  EXPECT_EQ(Config(R"({"model_type": "bert", "hidden_act": "relu"})").head_activation, Activation::kRelu);

  // Configs from before model_type existed.
  EXPECT_EQ(Config(R"({"architectures": ["BertForMaskedLM"]})").model_type, "bert");
  EXPECT_EQ(Config(R"({"architectures": ["DistilBertModel"]})").model_type, "distilbert");
  EXPECT_EQ(Config(R"({"architectures": ["MPNetForMaskedLM"]})").model_type, "mpnet");
  EXPECT_EQ(Config(R"({"architectures": ["XLMRobertaModel"]})").model_type, "xlm-roberta");
  EXPECT_EQ(Config(R"({"architectures": ["ElectraForPreTraining"]})").model_type, "electra");

  const auto act = [](absl::string_view name) {
    return Config(absl::StrCat(R"({"model_type": "bert", "hidden_act": ")", name, "\"}")).activation;
  };
  for (const char* name : {"gelu", "gelu_python"}) {
    EXPECT_EQ(act(name), Activation::kGelu) << name;
  }
  for (const char* name : {"gelu_new", "gelu_fast", "gelu_pytorch_tanh"}) {
    EXPECT_EQ(act(name), Activation::kGeluTanh) << name;
  }
  for (const char* name : {"silu", "swish"}) {
    EXPECT_EQ(act(name), Activation::kSilu) << name;
  }
  EXPECT_EQ(act("relu"), Activation::kRelu);
  EXPECT_EQ(act("quick_gelu"), Activation::kQuickGelu);
}

// With numbers that no architecture has as defaults.
TEST(EncoderConfigTest, WhatIsWrittenIsReadBack) {
  for (const Architecture& architecture : Architectures()) {
    SCOPED_TRACE(architecture.model_type);
    EncoderConfig config = Config(absl::StrCat(R"({"model_type": ")", architecture.model_type, "\"}"));
    config.vocab_size = 77;
    config.heads = 3;
    config.width = 24;
    config.layers = 6;
    config.intermediate = 31;
    config.key_heads = config.key_heads > 0 ? 1 : 0;
    config.max_positions = 99;
    config.activation = Activation::kSilu;
    config.initializer_range = 0.25;
    config.tied = false;
    const FieldNames& fields = architecture.fields;
    config.embedding_width = fields.embedding_width.empty() ? 24 : 8;
    config.layer_groups = fields.layer_groups.empty() ? 6 : 2;
    config.inner_group_num = fields.inner_group_num.empty() ? 1 : 3;
    config.token_types = fields.token_types.empty() ? 0 : 5;
    config.position_offset = fields.padding.empty() ? config.position_offset : 9;
    config.relative_buckets = fields.relative_buckets.empty() ? 0 : 48;
    if (!config.local_layers.empty()) {
      config.local_layers = {true, false, false, true, true, false};
      config.window = 9;
      config.rotary_theta = 77;
      config.local_rotary_theta = 55;
    }
    if (architecture.other_head) {
      config.disentangled = DisentangledConfig{60, 20, true, false, true, true};
      config.positions = Positions::kNone;
      config.other_head = config.tied = true;
    }
    if (config.has_decoder()) {
      config.relative_buckets = config.distance_buckets = 12;
      config.farthest_distance = 50;
      config.head_width = 7;
      config.decoder_layers = 4;
      config.decoder_start = 3;
    }
    config.layer_norm_eps = fields.layer_norm_eps.empty() ? 1e-12 : 0.0625;
    if (config.reads_images()) {  // it has no words, and its positions follow from its patches
      config.vocab_size = 0;
      config.tied = true;
      config.image_size = 30;
      config.patch_size = 6;
      config.channels = 2;
      config.attention_bias = false;
      config.max_positions = 26;
    }
    const EncoderConfig read = Config(ConfigJson(config));
    EXPECT_EQ(read.model_type, architecture.model_type);
    EXPECT_EQ(read.vocab_size, config.vocab_size);
    EXPECT_EQ(read.width, config.width);
    EXPECT_EQ(read.embedding_width, config.embedding_width);
    EXPECT_EQ(read.layers, config.layers);
    EXPECT_EQ(read.heads, config.heads);
    EXPECT_EQ(read.intermediate, config.intermediate);
    EXPECT_EQ(read.key_heads, config.key_heads);
    EXPECT_EQ(read.max_positions, config.max_positions);
    EXPECT_EQ(read.position_offset, config.position_offset);
    EXPECT_EQ(read.token_types, config.token_types);
    EXPECT_EQ(read.layer_groups, config.layer_groups);
    EXPECT_EQ(read.inner_group_num, config.inner_group_num);
    EXPECT_EQ(read.relative_buckets, config.relative_buckets);
    EXPECT_EQ(read.distance_buckets, config.distance_buckets);
    EXPECT_EQ(read.farthest_distance, config.farthest_distance);
    EXPECT_EQ(read.head_width, config.head_width);
    EXPECT_EQ(read.decoder_layers, config.decoder_layers);
    EXPECT_EQ(read.decoder_start, config.decoder_start);
    EXPECT_EQ(read.scaled_head, config.scaled_head);
    EXPECT_EQ(read.activation, config.activation);
    EXPECT_EQ(read.layer_norm_eps, config.layer_norm_eps);
    EXPECT_EQ(read.initializer_range, config.initializer_range);
    EXPECT_EQ(read.tied, config.tied);
    EXPECT_EQ(read.other_head, config.other_head);
    EXPECT_EQ(read.positions, config.positions);
    ASSERT_EQ(read.disentangled.has_value(), config.disentangled.has_value());
    if (read.disentangled) {
      EXPECT_EQ(read.disentangled->farthest, 60);
      EXPECT_EQ(read.disentangled->buckets, 20);
      EXPECT_TRUE(read.disentangled->content_to_position && read.disentangled->shared && read.disentangled->norm);
      EXPECT_FALSE(read.disentangled->position_to_content);
    }
    EXPECT_EQ(read.local_layers, config.local_layers);
    EXPECT_EQ(read.window, config.window);
    EXPECT_EQ(read.rotary_theta, config.rotary_theta);
    EXPECT_EQ(read.local_rotary_theta, config.local_rotary_theta);
    EXPECT_EQ(read.image_size, config.image_size);
    EXPECT_EQ(read.patch_size, config.patch_size);
    EXPECT_EQ(read.channels, config.channels);
    EXPECT_EQ(read.attention_bias, config.attention_bias);
  }
}

}  // namespace
}  // namespace metaprompt

// config.json of Hugging Face encoders: errors that name the field.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "metaprompt/architectures/architectures.h"
#include "metaprompt/architectures/config_json.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string Error(absl::string_view json) {
  const absl::StatusOr<EncoderConfig> config = ParseEncoderConfig(json, "c");
  return config.ok() ? "no error" : std::string(config.status().message());
}

TEST(ConfigErrorsTest, WhatIsWrongIsNamed) {
  const std::string types = absl::StrJoin(
      Architectures(), ", ", [](std::string* out, const Architecture& one) { absl::StrAppend(out, one.model_type); });
  EXPECT_THAT(types, testing::StartsWith("bert, distilbert, roberta, xlm-roberta, albert, mpnet, electra"));
  EXPECT_EQ(Error(""), "c: not JSON at byte 1");
  EXPECT_EQ(Error(R"({"model_type": "bert",})"), "c: not JSON at byte 23");
  EXPECT_EQ(Error(R"({"model_type": "bert"} {})"), "c: not JSON at byte 24");
  EXPECT_EQ(Error("{\"model_type\": \"\xff\"}"), "c: not JSON at byte 17");
  EXPECT_EQ(Error(R"({"model_type": "bert", "hidden_size": 1e999})"), "c: not JSON at byte 43");
  EXPECT_EQ(Error("[]"), "c: it must be a JSON object, not an array");
  EXPECT_EQ(Error(R"({"a": 1, "b": 2, "a": 3})"), "c: the key 'a' stands twice in one object");
  EXPECT_EQ(Error(R"({"a": )" + std::string(1000000, '[')), "c: more than 32 arrays and objects inside one another");
  EXPECT_EQ(Error("{}"), "c: model_type is missing (and architectures, which would show it); it is one of " + types);
  for (const char* classes : {R"(["BertGenerationEncoder"])", R"("BertGenerationEncoder")"}) {
    EXPECT_EQ(Error(absl::StrCat(R"({"architectures": )", classes, "}")),
              "c: model_type is missing, and architectures, 'BertGenerationEncoder', does not tell it; it is one of " +
                  types);
  }
  EXPECT_EQ(Error(R"({"architectures": []})"),
            "c: model_type is missing, and architectures, an array, does not tell it; it is one of " + types);
  EXPECT_EQ(Error(R"({"model_type": "gptj"})"), "c: model_type must be one of " + types + ", not 'gptj'");
  EXPECT_EQ(Error(R"({"model_type": 7})"), "c: model_type must be text, not 7");
  const auto bert = [](absl::string_view fields) {
    return Error(absl::StrCat(R"({"model_type": "bert", )", fields, "}"));
  };
  EXPECT_EQ(bert(R"("hidden_size": "768")"), "c: hidden_size must be a whole number from 1 to 65536, not '768'");
  EXPECT_EQ(bert(R"("hidden_size": 768.0)"), "c: hidden_size must be a whole number from 1 to 65536, not 768.0");
  EXPECT_EQ(bert(R"("hidden_size": null)"), "c: hidden_size must be a whole number from 1 to 65536, not null");
  EXPECT_EQ(bert(R"("num_hidden_layers": -1)"), "c: num_hidden_layers must be a whole number from 0 to 1024, not -1");
  EXPECT_EQ(bert(R"("num_hidden_layers": 0)"), "no error");
  EXPECT_EQ(Error(R"({"model_type": "llama", "num_hidden_layers": 0})"),
            "c: num_hidden_layers must be at least 1 for this architecture");
  EXPECT_EQ(bert(R"("vocab_size": -5)"), "c: vocab_size must be a whole number from 1 to 10000000, not -5");
  EXPECT_EQ(bert(R"("vocab_size": 18446744073709551615)"),
            "c: vocab_size must be a whole number from 1 to 10000000, not 18446744073709551615");
  EXPECT_EQ(bert(R"("num_attention_heads": 7)"), "c: hidden_size 768 must be a multiple of num_attention_heads 7");
  EXPECT_EQ(bert(R"("layer_norm_eps": 0)"), "c: layer_norm_eps must be a number from 1e-15 to 0.1, not 0");
  EXPECT_EQ(bert(R"("layer_norm_eps": [1])"), "c: layer_norm_eps must be a number from 1e-15 to 0.1, not an array");
  EXPECT_EQ(bert(R"("tie_word_embeddings": 1)"), "c: tie_word_embeddings must be true or false, not 1");
  EXPECT_EQ(
      bert(R"("hidden_act": "mish")"),
      "c: hidden_act must be one of gelu, gelu_python, gelu_new, gelu_fast, gelu_pytorch_tanh, relu, silu, swish, "
      "quick_gelu, not 'mish'");
  EXPECT_THAT(bert(R"("hidden_act": {"a": 1})"), HasSubstr("quick_gelu, not an object"));
  EXPECT_EQ(bert(R"("position_embedding_type": "relative_key")"),
            "c: position_embedding_type must be 'absolute', not 'relative_key'");
  EXPECT_EQ(bert(R"("is_decoder": true)"), "c: is_decoder is true; only encoders are supported");
  EXPECT_EQ(bert(R"("add_cross_attention": true)"), "c: add_cross_attention is true; only encoders are supported");
  const auto gpt2 = [](absl::string_view fields) {
    return Error(absl::StrCat(R"({"model_type": "gpt2", )", fields, "}"));
  };
  EXPECT_EQ(gpt2(R"("n_inner": 0)"), "c: n_inner must be a whole number from 1 to 1048576, not 0");
  EXPECT_EQ(gpt2(R"("n_positions": 0)"), "c: n_positions must be a whole number from 1 to 1048576, not 0");
  EXPECT_EQ(gpt2(R"("embd_pdrop": 0.2)"),
            "c: embd_pdrop 0.2 and resid_pdrop 0.1 differ; only models with equal rates are supported");
  EXPECT_EQ(gpt2(R"("scale_attn_weights": false)"),
            "c: scale_attn_weights is false; only models that scale them are supported");
  EXPECT_EQ(gpt2(R"("scale_attn_by_inverse_layer_idx": true)"),
            "c: scale_attn_by_inverse_layer_idx is true; only models without it are supported");
  EXPECT_EQ(gpt2(R"("add_cross_attention": true)"),
            "c: add_cross_attention is true; only models without it are supported");
  const auto llama = [](absl::string_view fields) {
    return Error(absl::StrCat(R"({"model_type": "llama", )", fields, "}"));
  };
  EXPECT_EQ(llama(R"("num_key_value_heads": 5)"),
            "c: num_attention_heads 32 must be a multiple of num_key_value_heads 5");
  EXPECT_EQ(llama(R"("head_dim": 64)"), "c: head_dim 64 times num_attention_heads 32 must be hidden_size 4096");
  EXPECT_EQ(llama(R"("rope_scaling": {"rope_type": "llama3", "factor": 8.0})"),
            "c: rope_scaling.rope_type must be 'default', not 'llama3'");
  EXPECT_EQ(llama(R"("rope_parameters": {"rope_type": "yarn"})"),
            "c: rope_parameters.rope_type must be 'default', not 'yarn'");
  EXPECT_EQ(llama(R"("rope_scaling": {"type": "linear", "factor": 2.0})"),
            "c: rope_scaling.type must be 'default', not 'linear'");
  EXPECT_EQ(llama(R"("rms_norm_eps": 0)"), "c: rms_norm_eps must be a number from 1e-15 to 0.1, not 0");
  EXPECT_EQ(Error(R"({"model_type": "qwen2", "use_sliding_window": true})"),
            "c: use_sliding_window is true; only models without it are supported");
  EXPECT_EQ(Error(R"({"model_type": "qwen2", "layer_types": ["full_attention", "sliding_attention"]})"),
            "c: layer_types must be a list of full_attention, not 'sliding_attention'");
  EXPECT_EQ(Error(R"({"model_type": "llama", "num_hidden_layers": 2, "layer_types": ["full_attention"]})"),
            "c: layer_types must be a list of 2 types, not an array");
  EXPECT_EQ(Error(R"({"model_type": "llama", "num_hidden_layers": 2, "layer_types": "full_attention"})"),
            "c: layer_types must be a list of 2 types, not 'full_attention'");
  EXPECT_EQ(Error(R"({"model_type": "llama", "rope_parameters": {"rope_type": "default", "type": "linear"}})"),
            "c: rope_parameters.type must be 'default', not 'linear'");
  EXPECT_EQ(bert(R"("pruned_heads": {"1": [2]})"),
            "c: pruned_heads is not empty; only models with all their heads are supported");
  EXPECT_EQ(Error(R"({"model_type": "roberta", "pad_token_id": 511})"),
            "c: max_position_embeddings 512 leaves no position: the first is 512");
  EXPECT_EQ(Error(R"({"model_type": "albert", "num_hidden_groups": 13})"),
            "c: num_hidden_groups 13 must be at most num_hidden_layers 12");
  EXPECT_EQ(Error(R"({"model_type": "albert", "num_hidden_layers": 600, "inner_group_num": 2})"),
            "c: num_hidden_layers 600 times inner_group_num 2 must be at most 1024");
  EXPECT_EQ(Error(R"({"model_type": "mpnet", "relative_attention_num_buckets": 2})"),
            "c: relative_attention_num_buckets must be a whole number from 32 to 4096, not 2");
  const auto modern = [](absl::string_view fields) {
    return Error(absl::StrCat(R"({"model_type": "modernbert", )", fields, "}"));
  };
  EXPECT_EQ(modern(R"("layer_types": ["full_attention"])"), "c: layer_types must be a list of 22 types, not an array");
  EXPECT_EQ(modern(R"("num_hidden_layers": 1, "layer_types": ["chunked_attention"])"),
            "c: layer_types must be a list of full_attention and sliding_attention, not 'chunked_attention'");
  EXPECT_EQ(modern(R"("rope_parameters": {"full_attention": {"rope_type": "yarn"}})"),
            "c: rope_parameters.full_attention.rope_type must be 'default', not 'yarn'");
  EXPECT_EQ(modern(R"("rope_parameters": {"sliding_attention": {"rope_theta": "x"}})"),
            "c: rope_parameters.sliding_attention.rope_theta must be a number from 1 to 1e12, not 'x'");
  EXPECT_EQ(modern(R"("rope_parameters": 3)"), "c: rope_parameters must be an object, not 3");
  EXPECT_EQ(modern(R"("rope_scaling": {"rope_type": "linear"})"),
            "c: rope_scaling.rope_type must be 'default', not 'linear'");
  EXPECT_EQ(modern(R"("rope_parameters": {"type": "yarn"})"), "c: rope_parameters.type must be 'default', not 'yarn'");
  for (const char* field : {"rope_parameters", "rope_scaling"}) {
    EXPECT_EQ(modern(absl::StrCat("\"", field, R"(": {"rope_type": "default", "rope_theta": 5})")),
              "c: rope_theta 5 stands for all layers, whose angles differ; give "
              "rope_parameters.full_attention.rope_theta and rope_parameters.sliding_attention.rope_theta");
  }
  EXPECT_EQ(modern(R"("num_hidden_layers": 2, "global_attn_every_n_layers": 3)"), "no error");
  EXPECT_EQ(modern(R"("num_hidden_layers": 0)"), "c: num_hidden_layers must be at least 1 for this architecture");
  EXPECT_EQ(modern(R"("num_hidden_layers": 1, "global_attn_every_n_layers": 0, "layer_types": ["full_attention"])"),
            "no error");
  EXPECT_EQ(modern(R"("sliding_window": 4)"), "c: sliding_window 4 is not half of local_attention 128");
  EXPECT_EQ(modern(R"("sliding_window": 4, "local_attention": 8)"), "no error");
  EXPECT_EQ(modern(R"("local_attention": 0)"), "c: local_attention must be a whole number from 1 to 2097152, not 0");
  EXPECT_EQ(modern(R"("mlp_dropout": 0.1)"),
            "c: embedding_dropout 0, mlp_dropout 0.1 and attention_dropout 0 differ; only models with equal rates are "
            "supported");
  EXPECT_EQ(modern(R"("hidden_size": 12, "num_attention_heads": 4)"),
            "c: hidden_size 12 over num_attention_heads 4 must be even, for rotary positions");
  const auto deberta = [](absl::string_view fields) {
    return Error(absl::StrCat(R"({"model_type": "deberta-v2", )", fields, "}"));
  };
  EXPECT_EQ(deberta(R"("relative_attention": true)"),
            "c: relative_attention is true and pos_att_type is empty; only models with both or with neither are "
            "supported");
  EXPECT_EQ(deberta(R"("pos_att_type": "c2p")"),
            "c: relative_attention is false and pos_att_type is not; only models with both or with neither are "
            "supported");
  EXPECT_EQ(deberta(R"("pos_att_type": "c2p|p2p")"), "c: pos_att_type must be made of c2p and p2c, not 'c2p|p2p'");
  EXPECT_EQ(deberta(R"("pos_att_type": [])"), "no error") << "the same as null";
  EXPECT_EQ(deberta(R"("pos_att_type": "")"), "c: pos_att_type must be made of c2p and p2c, not ''");
  EXPECT_EQ(deberta(R"("norm_rel_ebd": "batch_norm")"),
            "c: norm_rel_ebd must be made of none and layer_norm, not 'batch_norm'");
  EXPECT_EQ(deberta(R"("relative_attention": true, "pos_att_type": "c2p", "position_buckets": 1022)"),
            "c: position_buckets 1022 must be at least 2 and less than twice the largest distance, 511");
  EXPECT_EQ(deberta(R"("relative_attention": true, "pos_att_type": "c2p", "position_buckets": 1)"),
            "c: position_buckets 1 must be at least 2 and less than twice the largest distance, 511");
  EXPECT_EQ(deberta(R"("conv_kernel_size": 3, "conv_act": "gelu")"),
            "c: conv_kernel_size is 3; only models without a convolution are supported");
  EXPECT_EQ(deberta(R"("embedding_size": 128)"), "c: embedding_size 128 must be 1536");
  EXPECT_EQ(deberta(R"("attention_head_size": 32)"), "c: attention_head_size 32 must be 64");
  EXPECT_EQ(deberta(R"("relative_attention": true, "pos_att_type": "c2p", "max_relative_positions": "x")"),
            "c: max_relative_positions must be a whole number from 0 to 1048576, not 'x'");
  // Text from the file can neither break the line of the error nor make it long.
  const std::string unprintable = bert(absl::StrCat("\"hidden_act\": \"a\\n", std::string(1000, 'b'), "\""));
  EXPECT_THAT(unprintable, Not(HasSubstr("\n")));
  EXPECT_THAT(unprintable, HasSubstr("not 'a\\nbbb"));
  EXPECT_LT(unprintable.size(), 200U);
  // A good config that is cut at any place is an error.
  const std::string good = ConfigJson(EncoderConfig());
  EXPECT_EQ(Error(good), "no error");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_THAT(Error(good.substr(0, size)), HasSubstr("c: not JSON at byte")) << size;
  }
}

}  // namespace
}  // namespace metaprompt

// The special properties of causal models: templates, the token that is read, and the format of their checkpoints.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/pack_texts.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

std::unique_ptr<Tokenizer> TokenizerOf(const std::string& name) {
  const std::string folder = absl::StrCat(kEncoderGoldens, name);
  return MakeTokenizer(*ReadTokenizerFiles(folder), folder).value();
}

absl::StatusOr<PromptTemplate> Template(const std::string& pattern, const Tokenizer& tokenizer) {
  PromptSpec spec;
  spec.set_template_(pattern);
  return PromptTemplate::Create(spec, tokenizer, 40);
}

class CausalModelTest : public testing::TestWithParam<std::string> {};

TEST_P(CausalModelTest, APromptIsTheWholeWrittenOutAndReadAtItsEnd) {
  const std::unique_ptr<Tokenizer> tokenizer = TokenizerOf(GetParam());
  const SpecialIds special = tokenizer->special();
  for (const auto& [pattern, whole] :
       std::vector<std::pair<std::string, std::string>>{{"{text} . the topic is {mask}", "the cat sat . the topic is"},
                                                        {"input : {text}{mask}", "input : the cat sat"},
                                                        {"topic {text} : {mask}", "topic the cat sat :"}}) {
    const absl::StatusOr<PromptTemplate> prompt = Template(pattern, *tokenizer);
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    std::vector<int64_t> expected = tokenizer->EncodeWithSpecial(whole);
    if (special.cls >= 0) {
      expected.insert(expected.begin(), special.cls);
    }
    const PromptedText found = prompt->Fill(*tokenizer, "the cat sat");
    EXPECT_THAT(found.ids, ElementsAreArray(expected)) << whole;
    EXPECT_EQ(found.read_at, static_cast<int64_t>(found.ids.size()) - 1);
    std::string words;
    for (int i = 0; i < 60; ++i) {
      words += "cat ";
    }
    const PromptedText cut = prompt->Fill(*tokenizer, words);
    EXPECT_TRUE(cut.cut);
    EXPECT_EQ(cut.ids.size(), 40U);
    EXPECT_EQ(cut.read_at, 39);
    EXPECT_GE(prompt->Fill(*tokenizer, "").read_at, 0);
  }
  EXPECT_EQ(Template("{text} is {mask} .", *tokenizer).status().message(),
            "model.prompt.template: {mask} must be the end of the template: a causal model continues a text");
  if (special.cls < 0) {
    EXPECT_EQ(Template("{text} {mask}", *tokenizer).status().message(),
              "model.prompt.template: a causal model reads the answer at a token before {mask}, and an empty text has "
              "none; write a word, a special token of the checkpoint or <soft> into the template");
  }
}

// For strings in which word patterns and normal forms differ.
TEST_P(CausalModelTest, TokensOfDifficultStringsAreThoseOfTransformers) {
  const std::unique_ptr<Tokenizer> tokenizer = TokenizerOf(GetParam());
  const nlohmann::json all =
      nlohmann::json::parse(*ReadFile(absl::StrCat(kEncoderGoldens, GetParam(), "/tokens.json")));
  ASSERT_GT(all.size(), 20U);
  for (const nlohmann::json& one : all) {
    EXPECT_EQ(tokenizer->EncodeWithSpecial(one[0].get<std::string>()), one[1].get<std::vector<int64_t>>())
        << one[0].dump();
  }
}

// The tokens after the one that is read change nothing, in each way of computing attention.
TEST_P(CausalModelTest, WhatFollowsIsNotSeen) {
  const at::NoGradGuard no_grad;
  const Checkpoint checkpoint = *OpenCheckpoint(kEncoderGoldens + GetParam(), false);
  for (const int prefix : {0, 3}) {  // with a prefix, texts are padded
    ModelSpec spec;
    spec.mutable_prompt()->set_prefix_length(prefix);
    for (const ModelSpec::Features features :
         {ModelSpec::MASK, ModelSpec::MEAN}) {  // the last layer at one token, and at all tokens
      spec.set_features(features);
      const PromptModel model(spec, *checkpoint.encoder, 0);
      ParamList params = model.WithSoftPrompt(checkpoint.params, 1);
      for (at::Tensor& param : params) {
        param = param.to(at::kDouble);
      }
      const Answers answers = {at::tensor({5, 6}, at::kLong).view({2, 1}), at::ones({2, 1}, at::kDouble)};
      std::vector<PromptedText> texts = {{{9, 8, 7}, 2}, {{1, 2}, 1}};
      const at::Tensor alone = model.Forward(params, PackBatch(texts, {0, 1}, answers)).logits;
      texts[0].ids.insert(texts[0].ids.end(), {3, 4, 5});
      const at::Tensor followed = model.Forward(params, PackBatch(texts, {0, 1}, answers)).logits;
      EXPECT_LT(MaxDifference(alone, followed), 1e-12);
      texts[0].ids[0] = 10;
      EXPECT_GT(MaxDifference(alone, model.Forward(params, PackBatch(texts, {0, 1}, answers)).logits), 1e-3);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, CausalModelTest, testing::ValuesIn(CausalGoldens()), GoldenTestName);

// transformers would otherwise round the numbers to bfloat16 when it opens the folder.
TEST(LlamaTest, WhatIsSavedHasTheTypeOfItsNumbers) {
  const Checkpoint from = *OpenCheckpoint(absl::StrCat(kEncoderGoldens, "llama/"), false);
  const auto type = [&](const std::string& before, at::ScalarType of_numbers) {
    return nlohmann::json::parse(CheckpointConfig(*from.encoder, before, of_numbers)).value("dtype", "none");
  };
  EXPECT_EQ(type(R"({"dtype": "bfloat16"})", at::kFloat), "float32");
  EXPECT_EQ(type(R"({"dtype": "bfloat16"})", at::kHalf), "float16");
  EXPECT_EQ(type("{}", at::kFloat), "none") << "as in files of earlier versions";
}

// The form in which gpt2 was saved: without the name prefix of a model with a head, and with the causal mask as
// buffers.
TEST(Gpt2Test, TheFirstPublishedFormIsRead) {
  const std::string from = absl::StrCat(kEncoderGoldens, "gpt2/");
  const std::string folder = testing::TempDir() + "/gpt2-published";
  const Checkpoint before = *OpenCheckpoint(from, false);
  ASSERT_TRUE(
      SaveCheckpoint(folder, *before.encoder, before.params, before.config_json, TokenizerOf("gpt2")->files()).ok());
  TensorFile file = *ParseSafetensors(*ReadFile(from + "model.safetensors"), "m");
  for (auto& [name, tensor] : file.tensors) {
    name = std::string(absl::StripPrefix(name, "transformer."));
  }
  file.tensors.emplace_back("h.0.attn.bias", at::ones({1, 1, 256, 256}));
  file.tensors.emplace_back("h.0.attn.masked_bias", at::tensor(-1e4F));
  ASSERT_TRUE(WriteFileAtomically(folder + "/model.safetensors", SafetensorsBytes(file)).ok());
  const absl::StatusOr<Checkpoint> after = OpenCheckpoint(folder, false);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(ParamsSha256(after->encoder->params(), after->params),
            ParamsSha256(before.encoder->params(), before.params));
  EXPECT_EQ(after->unused.size(), 2U);
  // The error for a tensor of the wrong shape has the name with which it is stored.
  for (auto& [name, tensor] : file.tensors) {
    tensor = name == "h.1.attn.c_attn.weight" ? tensor.t().contiguous() : tensor;
  }
  ASSERT_TRUE(WriteFileAtomically(folder + "/model.safetensors", SafetensorsBytes(file)).ok());
  EXPECT_THAT(OpenCheckpoint(folder, false).status().message(),
              HasSubstr("tensor h.1.attn.c_attn.weight has shape [48, 16]; config.json makes it [16, 48]"));
}

}  // namespace
}  // namespace metaprompt

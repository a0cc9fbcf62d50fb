// Checkpoint folders that are broken or unusual, and saving.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

using ::testing::HasSubstr;

Checkpoint Open(const std::string& name) {
  absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(kEncoderGoldens + name, /*allow_unknown=*/false);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  return *std::move(checkpoint);
}

class FolderTest : public testing::Test {
 protected:
  // A copy of a golden folder, to be broken.
  std::string Copy(const std::string& name) {
    const std::string folder = absl::StrCat(testing::TempDir(), "/checkpoint-", ++copies_);
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    for (const auto& entry : std::filesystem::directory_iterator(kEncoderGoldens + name)) {
      const std::string to = folder + "/" + entry.path().filename().string();
      EXPECT_TRUE(WriteFileAtomically(to, *ReadFile(entry.path().string())).ok());
    }
    return folder;
  }

  static void ChangeTensors(const std::string& folder, const std::function<void(TensorFile*)>& change) {
    const std::string path = folder + "/model.safetensors";
    TensorFile file = *ParseSafetensors(*ReadFile(path), path);
    change(&file);
    EXPECT_TRUE(WriteFileAtomically(path, SafetensorsBytes(file)).ok());
  }

  static void ChangeConfig(const std::string& folder, const std::string& field, const nlohmann::json& value) {
    const std::string path = folder + "/config.json";
    nlohmann::json config = nlohmann::json::parse(*ReadFile(path));
    config[field] = value;
    EXPECT_TRUE(WriteFileAtomically(path, config.dump()).ok());
  }

  // The error of opening the folder, without its path.
  static std::string Error(const std::string& folder) {
    const absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(folder, /*allow_unknown=*/false);
    EXPECT_FALSE(checkpoint.ok());
    const std::string message(checkpoint.status().message());
    EXPECT_EQ(message.find('\n'), std::string::npos) << "one line";
    return absl::StrReplaceAll(message, {{folder + "/", ""}});
  }

  int copies_ = 0;
};

void Rename(const std::string& from, const std::string& to, TensorFile* file) {
  for (auto& [name, tensor] : file->tensors) {
    if (name == from) {
      name = to;
    }
  }
}

TEST_F(FolderTest, ErrorsNameTheTensorAndWhatWasExpected) {
  std::string folder = Copy("bert");
  ChangeTensors(folder, [](TensorFile* file) { Rename("bert.embeddings.LayerNorm.bias", "bert.sth", file); });
  EXPECT_EQ(Error(folder), "model.safetensors: missing for config.json's encoder: bert.embeddings.LayerNorm.bias [16]");

  folder = Copy("bert");
  ChangeTensors(folder, [](TensorFile* file) { file->tensors.emplace_back("classifier.weight", at::ones({3, 16})); });
  EXPECT_EQ(Error(folder),
            "model.safetensors: config.json's encoder has no place for: classifier.weight (to leave such tensors "
            "unused: model.encoder.checkpoint.allow_unknown_tensors=true, or encode --allow-unknown)");
  const absl::StatusOr<Checkpoint> lenient = OpenCheckpoint(folder, /*allow_unknown=*/true);
  ASSERT_TRUE(lenient.ok()) << lenient.status();
  EXPECT_THAT(lenient->unused, testing::Contains("classifier.weight"));

  folder = Copy("bert");
  ChangeConfig(folder, "intermediate_size", 32);
  EXPECT_EQ(Error(folder),
            "model.safetensors: tensor bert.encoder.layer.0.intermediate.dense.weight has shape [24, 16]; config.json "
            "makes it [32, 16]");

  folder = Copy("bert");
  ChangeConfig(folder, "num_hidden_layers", 3);
  EXPECT_EQ(Error(folder),
            "model.safetensors: missing for config.json's encoder: bert.encoder.layer.2.attention.self.query.weight "
            "[16, 16], bert.encoder.layer.2.attention.self.query.bias [16], "
            "bert.encoder.layer.2.attention.self.key.weight [16, 16], bert.encoder.layer.2.attention.self.key.bias "
            "[16], bert.encoder.layer.2.attention.self.value.weight [16, 16] and 11 more");

  folder = Copy("bert");
  ChangeConfig(folder, "num_hidden_layers", 1);
  EXPECT_THAT(Error(folder), HasSubstr("config.json's encoder has no place for: bert.encoder.layer.1.attention."));

  folder = Copy("mpnet");
  ChangeConfig(folder, "model_type", "bert");
  EXPECT_THAT(Error(folder), HasSubstr("missing for config.json's encoder: bert.embeddings.word_embeddings.weight"));

  folder = Copy("bert");
  ChangeTensors(folder, [](TensorFile* file) {
    Rename("cls.predictions.transform.LayerNorm.weight", "cls.predictions.transform.LayerNorm.wait", file);
  });
  EXPECT_EQ(Error(folder),
            "model.safetensors: missing for config.json's encoder: "
            "cls.predictions.transform.LayerNorm.weight [16]");

  folder = Copy("bert");
  ChangeTensors(folder, [](TensorFile* file) {
    for (auto& [name, tensor] : file->tensors) {
      tensor = name == "bert.embeddings.LayerNorm.bias" ? tensor.to(at::kLong) : tensor;
    }
  });
  EXPECT_EQ(Error(folder), "model.safetensors: tensor bert.embeddings.LayerNorm.bias holds integers");

  folder = Copy("bert");
  EXPECT_TRUE(WriteFileAtomically(folder + "/config.json", "<html>").ok());
  EXPECT_THAT(std::string(OpenCheckpoint(folder, /*allow_unknown=*/false).status().message()),
              HasSubstr("\n" + folder + "/config.json: it is an HTML page; "));
  std::filesystem::remove(folder + "/config.json");
  EXPECT_THAT(Error(folder), HasSubstr("config.json: No such file or directory"));
  folder = Copy("bert");
  std::filesystem::remove(folder + "/model.safetensors");
  EXPECT_THAT(Error(folder), HasSubstr("model.safetensors"));
}

TEST_F(FolderTest, HeadsOfOtherTasksAreLeftUnused) {
  EXPECT_THAT(Open("bert-no-head").unused, testing::UnorderedElementsAre("pooler.dense.weight", "pooler.dense.bias"));
  EXPECT_THAT(
      Open("electra-discriminator").unused,
      testing::UnorderedElementsAre("discriminator_predictions.dense.weight", "discriminator_predictions.dense.bias",
                                    "discriminator_predictions.dense_prediction.weight",
                                    "discriminator_predictions.dense_prediction.bias"));
  // Another architecture does not ignore these tensors.
  const std::string folder = Copy("bert");
  ChangeTensors(folder, [](TensorFile* file) {
    file->tensors.emplace_back("discriminator_predictions.dense.bias", at::ones({16}));
  });
  EXPECT_THAT(Error(folder), HasSubstr("has no place for: discriminator_predictions.dense.bias"));
}

// A decoder in the folder may only be replaced by the word embedding if both are equal.
TEST_F(FolderTest, ADecoderOfItsOwnIsNotReadAsTied) {
  for (const auto& [name, decoder, words] :
       {std::make_tuple("bert", "cls.predictions.decoder.weight", "bert.embeddings.word_embeddings.weight"),
        std::make_tuple("roberta", "lm_head.decoder.weight", "roberta.embeddings.word_embeddings.weight"),
        std::make_tuple("albert", "predictions.decoder.weight", "albert.embeddings.word_embeddings.weight"),
        std::make_tuple("distilbert", "vocab_projector.weight", "distilbert.embeddings.word_embeddings.weight"),
        std::make_tuple("electra", "generator_lm_head.weight", "electra.embeddings.word_embeddings.weight")}) {
    for (const bool copy : {true, false}) {
      const std::string folder = Copy(name);
      ChangeTensors(folder, [&](TensorFile* file) {
        at::Tensor other = file->Find(words).clone();
        other[0][0] += copy ? 0 : 1;
        file->tensors.emplace_back(decoder, other);
      });
      if (copy) {
        EXPECT_THAT(OpenCheckpoint(folder, false)->unused, testing::ElementsAre(decoder)) << name;
        continue;
      }
      EXPECT_EQ(Error(folder),
                absl::StrCat("model.safetensors: tensor ", decoder, " differs from ", words,
                             ", which takes its place unless config.json has \"tie_word_embeddings\": false; set that "
                             "to use it, or leave it unused with model.encoder.checkpoint.allow_unknown_tensors=true, "
                             "or encode --allow-unknown"));
      EXPECT_THAT(OpenCheckpoint(folder, true)->unused, testing::ElementsAre(decoder)) << name;
      ChangeConfig(folder, "tie_word_embeddings", false);
      const auto untied = OpenCheckpoint(folder, false);
      EXPECT_TRUE(untied->unused.empty()) << name;
      EXPECT_FALSE(at::equal(untied->params[untied->encoder->layout().decoder],
                             untied->params[untied->encoder->layout().words]));
    }
  }
  const Checkpoint tied = *OpenCheckpoint(Copy("bert"), false);
  const std::string folder = Copy("bert");
  ChangeTensors(folder, [](TensorFile* file) {
    file->tensors.emplace_back("cls.predictions.decoder.bias", file->Find("cls.predictions.bias") + 1);
  });
  EXPECT_THAT(Error(folder), HasSubstr("tensor cls.predictions.decoder.bias differs from cls.predictions.bias"));
  // A decoder that is not tied has its own bias, as in transformers 5, which reads it from there.
  const at::Tensor other = tied.params[tied.encoder->layout().decoder_bias];
  ChangeConfig(folder, "tie_word_embeddings", false);
  ChangeTensors(folder, [](TensorFile* file) {
    file->tensors.emplace_back("cls.predictions.decoder.weight",
                               file->Find("bert.embeddings.word_embeddings.weight").clone());
  });
  const absl::StatusOr<Checkpoint> untied = OpenCheckpoint(folder, false);
  ASSERT_TRUE(untied.ok()) << untied.status();
  const at::Tensor bias = untied->params[untied->encoder->layout().decoder_bias];
  EXPECT_TRUE(bias.equal(other + 1));
  const TensorFile saved = CheckpointTensors(*untied->encoder, untied->params);
  EXPECT_TRUE(saved.Find("cls.predictions.decoder.bias").equal(bias) && saved.Find("cls.predictions.bias").equal(bias));
}

TEST_F(FolderTest, NumbersThatAreNotFiniteAreRefused) {
  const std::string folder = Copy("bert");
  ChangeTensors(folder, [](TensorFile* file) {
    for (auto& [name, tensor] : file->tensors) {
      if (name == "bert.encoder.layer.1.output.dense.bias") {
        tensor[5] = std::numeric_limits<float>::infinity();
      }
    }
  });
  EXPECT_EQ(Error(folder),
            "model.safetensors: tensor bert.encoder.layer.1.output.dense.bias: 1 of 16 numbers are not finite; the "
            "first is number 6, inf");
}

TEST_F(FolderTest, WhatIsSavedOpensAsItWas) {
  for (const std::string& name : EncoderGoldens()) {
    const Checkpoint before = Open(name);
    const TokenizerFiles files = *ReadTokenizerFiles(kEncoderGoldens + name);
    const std::string folder = absl::StrCat(testing::TempDir(), "/saved-", name);
    std::filesystem::remove_all(folder);
    const absl::Status saved = SaveCheckpoint(folder, *before.encoder, before.params, before.config_json, files);
    ASSERT_TRUE(saved.ok()) << saved;
    const absl::StatusOr<Checkpoint> after = OpenCheckpoint(folder, /*allow_unknown=*/false);
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(after->encoder->layout().has_head(), before.encoder->layout().has_head()) << name;
    EXPECT_TRUE(after->unused.empty()) << name;
    EXPECT_EQ(ParamsSha256(after->encoder->params(), after->params),
              ParamsSha256(before.encoder->params(), before.params));
    ASSERT_EQ(after->params.size(), before.params.size());
    for (size_t i = 0; i < before.params.size(); ++i) {
      EXPECT_TRUE(at::equal(after->params[i], before.params[i])) << before.encoder->params()[i].name;
    }
    const nlohmann::json config = nlohmann::json::parse(after->config_json);
    EXPECT_EQ(config["architectures"].size(), 1U);
    EXPECT_EQ(MakeTokenizer(*ReadTokenizerFiles(folder), folder).value()->Encode("the cat"),
              MakeTokenizer(files, name).value()->Encode("the cat"));
  }
}

}  // namespace
}  // namespace metaprompt

// The special properties of encoder-decoders: the tokenizer, answers that are scored in the decoder, the head, and
// the places of dropout. checkpoint_test.cc compares their states and derivatives.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/config_json.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/encoders/decoder.h"
#include "metaprompt/operations/relative_buckets.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/answer_paths.h"
#include "metaprompt/prompts/framing.h"
#include "metaprompt/prompts/pack_texts.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/prompts/verbalizer.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Ids = std::vector<int64_t>;

std::unique_ptr<Tokenizer> TokenizerIn(const std::string& folder) {
  return MakeTokenizer(*ReadTokenizerFiles(folder), folder).value();
}

ModelSpec Sequences(SequenceSpec::Reduce reduce, int prefix = 0) {
  ModelSpec spec;
  spec.mutable_verbalizer()->set_kind(VerbalizerSpec::SEQUENCE);
  spec.mutable_verbalizer()->mutable_sequence()->set_reduce(reduce);
  spec.mutable_prompt()->set_prefix_length(prefix);
  return spec;
}

class EncoderDecoderTest : public testing::TestWithParam<std::string> {
 protected:
  EncoderDecoderTest()
      : folder_(absl::StrCat(kEncoderGoldens, GetParam())),
        checkpoint_(*OpenCheckpoint(folder_, /*allow_unknown=*/false)),
        tokenizer_(TokenizerIn(folder_)),
        start_(FramingOf(*tokenizer_).decoder) {}

  Answers Packed(const std::vector<Ids>& answers, at::ScalarType type = at::kFloat) const {
    return WithStart(PackAnswers(answers, type), start_);
  }

  // The score of one answer, computed by the decoder alone for one text.
  double Plain(const Ids& text, const Ids& answer, SequenceSpec::Reduce reduce) const {
    const at::NoGradGuard no_grad;
    const Encoder& encoder = *checkpoint_.encoder;
    const ParamList& params = checkpoint_.params;
    const TextInputs texts = PackTexts({PromptedText{text, 0}}, Answers());
    Ids all = start_;
    all.insert(all.end(), answer.begin(), answer.end());
    const TextInputs decoded = PackTexts({PromptedText{all, 0}}, Answers());
    const at::Tensor states = encoder.DecoderStates(
        params, texts, encoder.States(params, texts, encoder.Embedded(params, {}, texts)), decoded);
    const at::Tensor chances =
        at::log_softmax(encoder.VocabularyLogits(params, encoder.Transformed(params, states)), -1);
    double sum = 0;
    for (size_t k = 0; k < answer.size(); ++k) {
      sum += chances[static_cast<int64_t>(start_.size() + k) - 1][answer[k]].item<double>();
    }
    return reduce == SequenceSpec::MEAN ? sum / static_cast<double>(answer.size()) : sum;
  }

  const std::string folder_;
  const Checkpoint checkpoint_;
  const std::unique_ptr<Tokenizer> tokenizer_;
  const Ids start_;
};

TEST_P(EncoderDecoderTest, SentinelsAreTheLastPieces) {
  const SpecialIds special = tokenizer_->special();
  EXPECT_EQ(tokenizer_->vocab_size(), 160);
  EXPECT_EQ(special.cls, -1);
  EXPECT_EQ(tokenizer_->Piece(special.sep), "</s>");
  EXPECT_EQ(tokenizer_->Piece(60), "<extra_id_99>");
  EXPECT_EQ(tokenizer_->Piece(159), "<extra_id_0>");
  EXPECT_EQ(special.mask, 159);
  EXPECT_THAT(start_, ElementsAre(special.pad, 159));
  EXPECT_THAT(tokenizer_->EncodeWithSpecial("<extra_id_7> <extra_id_99><extra_id_0>"), ElementsAre(152, 60, 159));
  for (const int64_t id : tokenizer_->Encode("<extra_id_7> cat <extra_id_0></s><pad>")) {
    EXPECT_LT(id, 60) << "a text that spells sentinels stays text";
    EXPECT_TRUE(id != special.sep && id != special.pad);
  }
  // What a folder declares about the sentinels must agree with their places.
  TokenizerFiles files = *ReadTokenizerFiles(folder_);
  files["added_tokens.json"] = R"({"<extra_id_0>": 60})";
  EXPECT_THAT(MakeTokenizer(files, "f").status().message(), HasSubstr("<extra_id_0>"));
  files = *ReadTokenizerFiles(folder_);
  files["tokenizer_config.json"] = R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 50})";
  EXPECT_EQ(MakeTokenizer(files, "f").value()->special().mask, 109);
  files["tokenizer_config.json"] = R"({"tokenizer_class": "T5Tokenizer", "extra_ids": 0})";
  EXPECT_EQ(MakeTokenizer(files, "f").status().message(),
            "f/tokenizer_config.json: extra_ids must be a whole number from 1 to 10000");
  files.erase("tokenizer_config.json");
  EXPECT_EQ(MakeTokenizer(files, "f").value()->special().mask, 159) << "100 by default";
  files = *ReadTokenizerFiles(folder_);
  files.erase("spiece.model");
  EXPECT_EQ(MakeTokenizer(files, "f").status().message(), "f/spiece.model: No such file or directory");
}

TEST_P(EncoderDecoderTest, ScoresAreThoseOfTransformers) {
  const at::NoGradGuard no_grad;
  const std::string path = folder_ + "/expected.safetensors";
  const TensorFile expected = *ParseSafetensors(*ReadFile(path), path);
  std::vector<Ids> answers;
  for (const char* answer : {"cat", "the dog", "small world", "it", "the cat on the mat"}) {
    answers.push_back(AnswerIds(Sequences(SequenceSpec::SUM).verbalizer(), *tokenizer_, "", answer).value());
  }
  std::vector<PromptedText> texts;
  for (int64_t b = 0; b < expected.Find("lengths").size(0); ++b) {
    const at::Tensor ids = expected.Find("input_ids")[b].narrow(0, 0, expected.Find("lengths")[b].item<int64_t>());
    texts.push_back({Ids(ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.size(0)), 0});
  }
  // As sequences, and single pieces at <extra_id_0>: in a padded batch, and alone.
  const PromptModel model(Sequences(SequenceSpec::SUM), *checkpoint_.encoder, 0);
  const PromptModel of_pieces(ModelSpec(), *checkpoint_.encoder, 0);
  ParamList params = model.WithSoftPrompt(checkpoint_.params, 1);
  const auto compare = [&](const std::vector<PromptedText>& some, int64_t first) {
    const at::ScalarType type = params[0].scalar_type();
    constexpr double kTolerance = 1e-5;
    const auto wanted = [&](const char* name) {
      return expected.Find(name).narrow(0, first, static_cast<int64_t>(some.size()));
    };
    const Ids labels(some.size(), 0);
    EXPECT_LT(
        MaxDifference(model.Forward(params, PackBatch(some, labels, Packed(answers, type))).logits, wanted("answers")),
        kTolerance);
    const ModelOutput output = of_pieces.Forward(params, PackBatch(some, labels, Packed({{5}, {30}}, type)));
    EXPECT_LT(MaxDifference(output.features, wanted("decoder_states")), kTolerance);
    EXPECT_LT(MaxDifference(output.logits, wanted("logits").index_select(1, at::tensor({5, 30}, at::kLong))),
              kTolerance);
  };
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    for (at::Tensor& param : params) {
      param = param.to(type);
    }
    compare(texts, 0);
    for (size_t b = 0; b < texts.size(); ++b) {
      compare({texts[b]}, static_cast<int64_t>(b));
    }
  }
}

// For two tasks with different answers and numbers of paths, in the shape that learners use.
TEST_P(EncoderDecoderTest, ScoresAreTheFormulaForEachTask) {
  const at::NoGradGuard no_grad;
  const std::vector<Ids> answers = {{5}, {6, 7}, {6, 7, 8, 9}, {6, 8, 3}, {4}, {5}};
  const std::vector<PromptedText> texts = {
      {{3, 4, 159, 1}, 2}, {{159}, 0}, {{9, 8, 7, 6, 5, 159, 1}, 5}, {{2, 159}, 1}};
  for (const SequenceSpec::Reduce reduce : {SequenceSpec::SUM, SequenceSpec::MEAN}) {
    const PromptModel model(Sequences(reduce), *checkpoint_.encoder, 0);
    Batch batch = PackBatch(texts, Ids(6, 0), Packed(answers), Ids{1, 0, 1, 3, 2, 2});
    batch.tasks = 2;
    batch.ways = 3;
    const ParamList params = model.WithSoftPrompt(checkpoint_.params, 1);
    const ModelOutput output = model.Forward(params, batch);
    EXPECT_EQ(model.CacheBelow(params, batch, 1).cached, nullptr);
    for (int64_t r = 0; r < 6; ++r) {
      const Ids& text = texts[static_cast<size_t>(batch.repeats[r].item<int64_t>())].ids;
      for (int64_t w = 0; w < 3; ++w) {
        EXPECT_NEAR(output.logits[r][w].item<double>(),
                    Plain(text, answers[static_cast<size_t>(r < 3 ? w : 3 + w)], reduce), 2e-5)
            << "row " << r << ", way " << w;
      }
    }
  }
  const Batch one = PackBatch({texts[2]}, {0}, Packed({answers[0], answers[1], answers[2], answers[3]}));
  const AnswerPaths paths = PathsOf(TextsOf(one), 1, SequenceSpec::SUM);
  EXPECT_EQ(paths.inputs.size(), 2) << "6 7 8, which begins as 6 7 does, and 6 8";
  EXPECT_EQ(paths.inputs.tokens(), (2 + 3) + (2 + 2)) << "in the decoder, without the text";
}

// Each attention has a prefix, and with each of them queries attend to other things.
TEST_P(EncoderDecoderTest, EveryPrefixAndUpdateMatters) {
  const at::NoGradGuard no_grad;
  ModelSpec spec = Sequences(SequenceSpec::SUM, 2);
  spec.mutable_lora()->set_rank(2);
  const PromptModel model(spec, *checkpoint_.encoder, 0);
  const ParamList params = model.WithSoftPrompt(checkpoint_.params, 1);
  const Batch batch = PackBatch({{{3, 4, 159, 1}, 2}, {{2, 159}, 1}}, {0, 1}, Packed({{5}, {6, 7}}));
  const at::Tensor before = model.Forward(params, batch).logits;
  const EncoderLayout& layout = checkpoint_.encoder->layout();
  const size_t attentions = layout.layers.size() + 2 * layout.decoder_layers.size();
  size_t prefixes = 0;
  size_t updates = 0;
  for (size_t i = 0; i < params.size(); ++i) {
    const ParamInfo& info = model.params()[i];
    if (info.group == ParamGroup::kEncoder || params[i].numel() == 0) {  // there are no soft vectors
      continue;
    }
    const bool of_a = info.group == ParamGroup::kLora && info.name.back() == 'A';  // without effect, because B is 0
    ParamList moved = params;
    moved[i] = params[i] + 0.5;
    EXPECT_EQ(MaxDifference(model.Forward(moved, batch).logits, before) > 1e-5, !of_a) << info.name;
    ++(info.group == ParamGroup::kLora ? updates : prefixes);
  }
  EXPECT_EQ(prefixes, 2 * attentions);
  EXPECT_EQ(updates, 4 * attentions) << "A and B of queries and values";
}

// The tokens of an answer after a token change nothing there, and no text sees another one.
TEST_P(EncoderDecoderTest, TheDecoderSeesNoLaterToken) {
  const at::NoGradGuard no_grad;
  const Encoder& encoder = *checkpoint_.encoder;
  const ParamList& params = checkpoint_.params;
  const auto decoded = [&](const std::vector<Ids>& all, const std::vector<Ids>& sequences) {
    std::vector<PromptedText> texts;
    std::vector<PromptedText> answers;
    for (const Ids& one : all) {
      texts.push_back({one, 0});
    }
    for (const Ids& one : sequences) {
      answers.push_back({one, 0});
    }
    const TextInputs inputs = PackTexts(texts, Answers());
    return encoder.DecoderStates(params, inputs, encoder.States(params, inputs, encoder.Embedded(params, {}, inputs)),
                                 PackTexts(answers, Answers()));
  };
  const Ids text = {3, 4, 159, 1};
  const at::Tensor alone = decoded({text}, {{0, 159, 5}});
  EXPECT_LT(MaxDifference(decoded({text}, {{0, 159, 5, 7, 8}}).narrow(0, 0, 3), alone), 2e-6);
  EXPECT_GT(MaxDifference(decoded({text}, {{0, 158, 5}})[2], alone[2]), 1e-3);
  EXPECT_GT(MaxDifference(decoded({{3, 5, 159, 1}}, {{0, 159, 5}})[2], alone[2]), 1e-3);
  const at::Tensor together = decoded({{7, 8, 9, 159, 5, 4, 1}, text}, {{0, 159}, {0, 159, 6, 6}, {0}, {0, 159, 5}});
  EXPECT_LT(MaxDifference(together.narrow(0, 7, 3), alone), 2e-6) << "two sequences per text, of different lengths";
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, EncoderDecoderTest, testing::Values("t5", "t5-v1.1"), GoldenTestName);

// ---------------------------------------------------------------- folders

class T5FolderTest : public testing::Test {
 protected:
  // A copy of the golden with some fields of config.json and some tensors changed.
  std::string Copy(const std::string& golden, const nlohmann::json& fields,
                   const std::function<void(TensorFile*)>& change) {
    const std::string folder = absl::StrCat(testing::TempDir(), "/t5-", ++copies_);
    std::filesystem::remove_all(folder);
    std::filesystem::copy(kEncoderGoldens + golden, folder);
    nlohmann::json config = nlohmann::json::parse(*ReadFile(folder + "/config.json"));
    config.update(fields);
    EXPECT_TRUE(WriteFileAtomically(folder + "/config.json", config.dump()).ok());
    TensorFile file = *ParseSafetensors(*ReadFile(folder + "/model.safetensors"), "m");
    change(&file);
    EXPECT_TRUE(WriteFileAtomically(folder + "/model.safetensors", SafetensorsBytes(file)).ok());
    return folder;
  }

  static void Remove(const std::string& name, TensorFile* file) {
    file->tensors.erase(
        std::remove_if(file->tensors.begin(), file->tensors.end(), [&](const auto& one) { return one.first == name; }),
        file->tensors.end());
  }

  int copies_ = 0;
};

// transformers 5 writes that all heads are tied, and reads a head of its own if there is one. Without one, a head that
// is not scaled is the word embedding.
TEST_F(T5FolderTest, AHeadThatIsNotScaledIsReadIfItIsThere) {
  const nlohmann::json as_transformers_5 = {{"tie_word_embeddings", true}, {"scale_decoder_outputs", false}};
  const Checkpoint published = *OpenCheckpoint(absl::StrCat(kEncoderGoldens, "t5-v1.1"), false);
  EXPECT_FALSE(published.encoder->config().tied);
  for (const nlohmann::json& fields : {as_transformers_5, nlohmann::json({{"tie_word_embeddings", false}})}) {
    const absl::StatusOr<Checkpoint> own = OpenCheckpoint(Copy("t5-v1.1", fields, [](TensorFile* /*file*/) {}), false);
    ASSERT_TRUE(own.ok()) << own.status();
    EXPECT_EQ(ParamsSha256(own->encoder->params(), own->params),
              ParamsSha256(published.encoder->params(), published.params));
    EXPECT_TRUE(own->unused.empty());
    const absl::StatusOr<Checkpoint> tied =
        OpenCheckpoint(Copy("t5-v1.1", fields, [](TensorFile* file) { Remove("lm_head.weight", file); }), false);
    ASSERT_TRUE(tied.ok()) << tied.status();
    for (const Checkpoint* one : {&*own, &*tied}) {
      EXPECT_TRUE(one->encoder->layout().has_head());
      EXPECT_EQ(one->encoder->config().tied, one == &*tied);
      const at::Tensor states = at::ones({1, 16});
      EXPECT_TRUE(at::equal(one->encoder->Transformed(one->params, states), states)) << "not scaled";
      // config.json alone gives the same layout.
      const EncoderConfig config = *ParseEncoderConfig(one->config_json, "c");
      EXPECT_EQ(config.tied, one == &*tied);
      EXPECT_FALSE(config.scaled_head);
    }
    EXPECT_EQ(tied->encoder->layout().decoder, tied->encoder->layout().words);
  }
  const Checkpoint first = *OpenCheckpoint(absl::StrCat(kEncoderGoldens, "t5"), false);
  EXPECT_LT(MaxDifference(first.encoder->Transformed(first.params, at::ones({1, 16})), at::full({1, 16}, 0.25)), 1e-7);
}

// The first published files have copies of the word embedding, and a table that is not used.
TEST_F(T5FolderTest, CopiesAreLeftUnused) {
  const absl::StatusOr<Checkpoint> opened = OpenCheckpoint(
      Copy("t5", nlohmann::json::object(),
           [](TensorFile* file) {
             for (const char* name : {"encoder.embed_tokens.weight", "decoder.embed_tokens.weight", "lm_head.weight"}) {
               file->tensors.emplace_back(name, file->Find("shared.weight").clone());
             }
             file->tensors.emplace_back(
                 "decoder.block.0.layer.1.EncDecAttention."
                 "relative_attention_bias.weight",
                 at::ones({32, 4}));
           }),
      false);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(opened->unused.size(), 4U);
  // Without its decoder, the folder is no T5.
  EXPECT_THAT(OpenCheckpoint(Copy("t5", nlohmann::json::object(),
                                  [](TensorFile* file) { Remove("decoder.final_layer_norm.weight", file); }),
                             false)
                  .status()
                  .message(),
              HasSubstr("missing for config.json's encoder: decoder.final_layer_norm.weight [16]"));
}

TEST(T5ConfigTest, WhatIsWrongIsNamed) {
  const auto error = [](const std::string& fields) {
    const absl::StatusOr<EncoderConfig> config =
        ParseEncoderConfig(absl::StrCat(R"({"model_type": "t5")", fields, "}"), "c");
    return config.ok() ? "" : std::string(config.status().message());
  };
  EXPECT_EQ(error(""), "");
  EXPECT_EQ(error(R"(, "is_encoder_decoder": false)"),
            "c: is_encoder_decoder is false; only a whole t5, with its decoder, is supported");
  EXPECT_EQ(error(R"(, "feed_forward_proj": "gated-tanh")"),
            "c: feed_forward_proj must be relu, gelu, gelu_new or silu, or one of them after gated-, not "
            "'gated-tanh'");
  EXPECT_EQ(error(R"(, "dense_act_fn": "gelu")"),
            "c: dense_act_fn must be relu, as feed_forward_proj has it, not 'gelu'");
  EXPECT_EQ(error(R"(, "feed_forward_proj": "gated-gelu", "dense_act_fn": "gelu_new", "is_gated_act": true)"), "");
  EXPECT_EQ(error(R"(, "is_gated_act": true)"), "c: is_gated_act contradicts feed_forward_proj");
  EXPECT_EQ(error(R"(, "relative_attention_max_distance": 16)"),
            "c: relative_attention_max_distance 16 must be more than half of relative_attention_num_buckets 32");
  EXPECT_EQ(error(R"(, "d_kv": 0)"), "c: d_kv must be a whole number from 1 to 65536, not 0");
  EXPECT_EQ(error(R"(, "num_decoder_layers": 0)"),
            "c: num_decoder_layers must be a whole number from 1 to 1024, not 0");
  EXPECT_EQ(error(R"(, "num_layers": 0)"), "c: num_layers must be at least 1 for this architecture");
  EXPECT_EQ(error(R"(, "decoder_start_token_id": 32128)"),
            "c: decoder_start_token_id must be a whole number from 0 to 32127, not 32128");
  // t5-v1_1-small.
  const EncoderConfig config = *ParseEncoderConfig(
      R"({"model_type": "t5", "d_ff": 1024, "d_kv": 64, "d_model": 512, "feed_forward_proj": "gated-gelu",
          "num_decoder_layers": 8, "num_heads": 6, "num_layers": 8, "tie_word_embeddings": false})",
      "c");
  EXPECT_EQ(config.width, 512);
  EXPECT_EQ(config.attended(), 384);
  EXPECT_EQ(config.decoder_layers, 8);
  EXPECT_EQ(config.activation, Activation::kGeluTanh);
  EXPECT_TRUE(config.gated && !config.tied && !config.scaled_head && !config.scaled_scores);
  EXPECT_EQ(config.hidden_dropout, 0.1);
  EXPECT_EQ(config.attention_dropout, 0.1);
}

// Buckets that follow from the formula of Raffel et al. 2020, calculated by hand.
TEST(RelativeBucketsTest, OfKnownDistances) {
  const auto buckets = [](const RelativeBuckets& relative, const Ids& distances) {
    const at::Tensor found = BucketsOf(relative, at::tensor(at::ArrayRef<int64_t>(distances), at::kLong));
    return Ids(found.data_ptr<int64_t>(), found.data_ptr<int64_t>() + found.numel());
  };
  // One direction: 16 single distances, then 16 + ⌊log(d / 16) / log(8) · 16⌋.
  EXPECT_THAT(buckets({32, 128, false}, {0, 3, 100, -1, -15, -16, -32, -64, -127, -128, -4000}),
              ElementsAre(0, 0, 0, 1, 15, 16, 21, 26, 31, 31, 31));
  // Both: 8 single distances, then 8 + ⌊log(d / 8) / log(16) · 8⌋, and 16 more for keys after the query.
  EXPECT_THAT(buckets({32, 128, true}, {0, -1, -7, -8, -16, -127, -4000, 1, 7, 8, 16, 4000}),
              ElementsAre(0, 1, 7, 8, 10, 15, 15, 17, 23, 24, 26, 31));
  EXPECT_THAT(buckets({8, 20, true}, {-1, -2, -6, -19, 2}), ElementsAre(1, 2, 2, 3, 6));
}

}  // namespace
}  // namespace metaprompt

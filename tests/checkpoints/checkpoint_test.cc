// Hugging Face checkpoints: compares each architecture with the numbers of transformers for the same folder
// (tests/goldens/encoders) and its derivatives with differences. checkpoint_folder_test.cc is about broken folders and
// saving.
#include "metaprompt/checkpoints/checkpoint.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "metaprompt/base/files.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/framing.h"
#include "metaprompt/prompts/pack_texts.h"
#include "metaprompt/prompts/prompt_template.h"
#include "metaprompt/tokenizers/files/tokenizer_folder.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/encoder_goldens.h"

namespace metaprompt {
namespace {

using ::testing::ElementsAreArray;

Checkpoint Open(const std::string& name) {
  absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(kEncoderGoldens + name, /*allow_unknown=*/false);
  EXPECT_TRUE(checkpoint.ok()) << checkpoint.status();
  return *std::move(checkpoint);
}

TensorFile Expected(const std::string& name) {
  const std::string path = absl::StrCat(kEncoderGoldens, name, "/expected.safetensors");
  return *ParseSafetensors(*ReadFile(path), path);
}

// Line b of `input_ids` [B, T] without its padding.
std::vector<int64_t> IdsOf(const TensorFile& expected, int64_t b) {
  const at::Tensor ids = expected.Find("input_ids")[b].narrow(0, 0, expected.Find("lengths")[b].item<int64_t>());
  return {ids.data_ptr<int64_t>(), ids.data_ptr<int64_t>() + ids.size(0)};
}

// The text is read at the mask, or at its last token in a causal model, which has no mask: mask_id is -1.
PromptedText TextOf(std::vector<int64_t> ids, int64_t mask_id) {
  PromptedText text;
  text.read_at =
      mask_id < 0 ? static_cast<int64_t>(ids.size()) - 1 : std::find(ids.begin(), ids.end(), mask_id) - ids.begin();
  text.ids = std::move(ids);
  return text;
}

class ArchitectureTest : public testing::TestWithParam<std::string> {};

TEST_P(ArchitectureTest, TokensStatesAndLogitsAreThoseOfTransformers) {
  const at::NoGradGuard no_grad;
  const std::string folder = absl::StrCat(kEncoderGoldens, GetParam());
  const Checkpoint checkpoint = Open(GetParam());
  const Encoder& encoder = *checkpoint.encoder;
  const absl::StatusOr<std::unique_ptr<Tokenizer>> tokenizer = MakeTokenizer(*ReadTokenizerFiles(folder), folder);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  const SpecialIds special = (*tokenizer)->special();
  const Answers answers = WithStart(Answers(), FramingOf(**tokenizer).decoder);
  const TensorFile expected = Expected(GetParam());

  std::ifstream lines(absl::StrCat(kEncoderGoldens, "lines.txt"));
  std::vector<PromptedText> texts;
  for (std::string line; std::getline(lines, line);) {
    std::vector<int64_t> ids = LineIds(**tokenizer, line);
    EXPECT_THAT(ids, ElementsAreArray(IdsOf(expected, static_cast<int64_t>(texts.size())))) << line;
    texts.push_back(TextOf(std::move(ids), special.mask));
  }
  const auto count = static_cast<int64_t>(texts.size());
  ASSERT_EQ(count, expected.Find("lengths").size(0));

  double largest = 0;
  ParamList params = checkpoint.params;
  const auto compare = [&](const std::vector<PromptedText>& some, int64_t first) {
    const TextInputs inputs =
        PackTexts(some, answers, encoder.config().position_offset > 0 ? special.pad : TextInputs::kNoToken);
    const EncoderState embedded = encoder.Embedded(params, at::Tensor(), inputs);
    const at::Tensor states = encoder.States(params, inputs, embedded);
    const at::Tensor at_mask = encoder.StatesToRead(params, inputs, embedded);
    const at::Tensor in_decoder = expected.Find("decoder_states");
    EXPECT_EQ(in_decoder.defined(), encoder.config().has_decoder());
    int64_t row = 0;
    for (size_t i = 0; i < some.size(); ++i) {
      const int64_t b = first + static_cast<int64_t>(i);
      const auto length = static_cast<int64_t>(some[i].ids.size());
      const at::Tensor found = states.narrow(0, row, length);
      largest = std::max(largest, MaxDifference(found, expected.Find("states")[b].narrow(0, 0, length)));
      EXPECT_LT(MaxDifference(at_mask[static_cast<int64_t>(i)],
                              in_decoder.defined() ? in_decoder[b] : found[some[i].read_at]),
                1e-5);
      row += length;
    }
    if (const at::Tensor logits = expected.Find("logits"); logits.defined()) {
      ASSERT_TRUE(encoder.layout().has_head());
      const at::Tensor found = encoder.VocabularyLogits(params, encoder.Transformed(params, at_mask));
      largest = std::max(largest, MaxDifference(found, logits.narrow(0, first, static_cast<int64_t>(some.size()))));
    }
  };
  for (const at::ScalarType type : {at::kDouble, at::kFloat}) {
    for (at::Tensor& param : params) {
      param = param.to(type);
    }
    largest = 0;
    compare(texts, 0);  // all lines together, padded to the longest; then each alone, without padding
    for (int64_t b = 0; b < count; ++b) {
      compare({texts[static_cast<size_t>(b)]}, b);
    }
    EXPECT_LT(largest, 1e-5) << type;
    RecordProperty(absl::StrCat("largest_difference_", at::toString(type)), absl::StrCat(largest));
  }
  EXPECT_GT(expected.Find("states").abs().max().item<double>(), 1) << "numbers that are something";
}

// H v = ∇(∇L · v) compared with differences of ∇L, with soft vectors in the texts and answers of several words.
TEST_P(ArchitectureTest, HessianAgreesWithDifferencesOfTheGradient) {
  Checkpoint checkpoint = Open(GetParam());
  const int64_t vocab = checkpoint.encoder->config().vocab_size;
  EncoderConfig config = checkpoint.encoder->config();
  if (config.has_decoder() && config.activation == Activation::kRelu) {
    config.activation = Activation::kGelu;  // the differences would cross corners, where there is no second derivative
  }
  const PromptModel model(ModelSpec(), Encoder(config, checkpoint.encoder->layout().has_head()), /*num_soft=*/2);
  ParamList params = model.WithSoftPrompt(std::move(checkpoint.params), 5);
  for (at::Tensor& param : params) {
    param = param.to(at::kDouble);
  }
  Random random(6);
  std::vector<PromptedText> texts;
  for (const size_t length : {4, 21, 9}) {  // 21: MPNet's buckets for several distances
    PromptedText text;
    for (size_t t = 0; t < length; ++t) {
      text.ids.push_back(static_cast<int64_t>(random.Below(static_cast<uint64_t>(vocab))));
    }
    text.ids[1] = -1;  // soft vectors
    text.ids[3] = -2;
    text.read_at = 2;
    texts.push_back(text);
  }
  const Answers answers = WithStart(
      {at::tensor({7, 8, 9, 9}, at::kLong).view({2, 2}), at::tensor({0.5, 0.5, 1.0, 0.0}, at::kDouble).view({2, 2})},
      {0, 5});  // only a decoder uses the start
  const Batch batch = PackBatch(texts, {0, 1, 1}, answers);
  const auto gradient_at = [&](const ParamList& at, bool create_graph) {
    const ParamList leaves = WithGraph(at);
    return std::make_pair(leaves, torch::autograd::grad({model.Loss(model.Forward(leaves, batch), batch)}, leaves, {},
                                                        create_graph, create_graph, /*allow_unused=*/true));
  };
  double largest = 0;
  for (int k = 0; k < 2; ++k) {
    ParamList direction;
    for (const at::Tensor& param : params) {
      direction.push_back(Unit(RandomTensor(param.sizes(), &random)));
    }
    const auto [leaves, gradient] = gradient_at(params, true);
    at::Tensor along = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < leaves.size(); ++i) {
      along = along + (gradient[i] * direction[i]).sum();
    }
    const ParamList product = torch::autograd::grad({along}, leaves, {}, false, false, /*allow_unused=*/true);
    const ParamList expected =
        ListDifference(params, direction, [&](const ParamList& at) { return gradient_at(at, false).second; });
    double total = 0;
    for (const at::Tensor& one : expected) {
      total = std::max(total, one.norm().item<double>());
    }
    for (size_t i = 0; i < leaves.size(); ++i) {
      const at::Tensor found = product[i].defined() ? product[i] : at::zeros_like(params[i]);
      const double size = std::max(expected[i].norm().item<double>(), 1e-3 * total);
      const double error = (found - expected[i]).norm().item<double>() / size;
      EXPECT_LT(error, 1e-5) << model.params()[i].name;
      largest = std::max(largest, error);
    }
  }
  RecordProperty("largest_error", absl::StrCat(largest));
}

class MaskedArchitectureTest : public testing::TestWithParam<std::string> {};

// A text in its prompt has the same tokens as the whole prompt written out as one text: with the same spaces, and with
// the special tokens of the template; special tokens that the text spells are plain text. causal_model_test.cc tests
// causal models.
TEST_P(MaskedArchitectureTest, APromptIsTheWholeWrittenOut) {
  const std::string folder = absl::StrCat(kEncoderGoldens, GetParam());
  const std::unique_ptr<Tokenizer> tokenizer = MakeTokenizer(*ReadTokenizerFiles(folder), folder).value();
  const SpecialIds special = tokenizer->special();
  const std::string mask = tokenizer->Piece(special.mask);
  const std::string sep = tokenizer->Piece(special.sep);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{text} . the topic is {mask} .", absl::StrCat("the cat sat . the topic is ", mask, " .")},
      {"topic : {mask} . input : {text}", absl::StrCat("topic : ", mask, " . input : the cat sat")},
      {absl::StrCat("topic{mask} ", sep, " {text}"), absl::StrCat("topic", mask, " ", sep, " the cat sat")}};
  for (const auto& [pattern, whole] : cases) {
    PromptSpec spec;
    spec.set_template_(pattern);
    const absl::StatusOr<PromptTemplate> prompt = PromptTemplate::Create(spec, *tokenizer, 40);
    ASSERT_TRUE(prompt.ok()) << prompt.status();
    const auto applied = [&](const std::string& text) { return prompt->Fill(*tokenizer, text); };
    std::vector<int64_t> expected = tokenizer->EncodeWithSpecial(whole);
    const Framing framing = FramingOf(*tokenizer);
    expected.insert(expected.begin(), framing.before.begin(), framing.before.end());
    expected.insert(expected.end(), framing.after.begin(), framing.after.end());
    const PromptedText found = applied("the cat sat");
    EXPECT_THAT(found.ids, ElementsAreArray(expected)) << whole;
    EXPECT_EQ(found.ids[static_cast<size_t>(found.read_at)], special.mask);
    // If the prompt is too long, the text loses its end, and the rest of the prompt nothing.
    std::string words;
    for (int i = 0; i < 60; ++i) {
      words += "cat ";
    }
    const PromptedText cut = applied(words);
    EXPECT_EQ(cut.ids.size(), 40U);
    EXPECT_EQ(cut.ids[static_cast<size_t>(cut.read_at)], special.mask);
    EXPECT_TRUE(cut.cut && !found.cut);
    const auto kept = [](const PromptedText& text) { return text.texts.at(0).end - text.texts.at(0).begin; };
    EXPECT_EQ(cut.ids.size() - static_cast<size_t>(kept(cut)), found.ids.size() - static_cast<size_t>(kept(found)));
    // A mask token that a text spells does not become a mask.
    const PromptedText spelled = applied(absl::StrCat("a ", mask, " ", sep));
    EXPECT_EQ(std::count(spelled.ids.begin(), spelled.ids.end(), special.mask), 1);
  }
}

INSTANTIATE_TEST_SUITE_P(Checkpoints, ArchitectureTest, testing::ValuesIn(EncoderGoldens()), GoldenTestName);
INSTANTIATE_TEST_SUITE_P(Checkpoints, MaskedArchitectureTest, testing::ValuesIn(MaskedGoldens()), GoldenTestName);

}  // namespace
}  // namespace metaprompt

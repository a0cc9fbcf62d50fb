// The estimate of the memory that a graph takes, compared with the actual memory.
#include "metaprompt/encoders/graph_bytes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <iostream>
#include <vector>

#include "metaprompt/architectures/architectures.h"
#include "metaprompt/base/random.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/prompt_model.h"
#include "metaprompt/prompts/pack_texts.h"

namespace metaprompt {
namespace {

constexpr int64_t kSoft = 2;

// Texts of these lengths with two soft vectors, and the mask at different positions.
std::vector<PromptedText> RandomTexts(const std::vector<int64_t>& lengths, int64_t vocab, Random* random) {
  std::vector<PromptedText> texts;
  for (const int64_t length : lengths) {
    PromptedText text;
    for (int64_t t = 0; t < length; ++t) {
      text.ids.push_back(static_cast<int64_t>(random->Below(static_cast<uint64_t>(vocab))));
    }
    text.ids[1] = -1;
    text.ids[3] = -2;
    text.read_at = texts.size() % 2 == 0 ? 2 : length - 1;
    texts.push_back(std::move(text));
  }
  return texts;
}

Answers TwoAnswers(at::ScalarType type) {
  return WithStart(
      {at::tensor({7, 8, 9, 9}, at::kLong).view({2, 2}), at::tensor({0.5, 0.5, 1.0, 0.0}, type).view({2, 2})},
      {0, 3});  // only a decoder uses the start
}

ModelSpec SpecWith(ModelSpec::Features features, int rank) {
  ModelSpec spec;
  spec.set_features(features);
  spec.mutable_lora()->set_rank(rank);
  spec.mutable_lora()->set_alpha(3);
  return spec;
}

double HeapBytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

// Compares the memory that a pass of the model over the batch keeps with the estimate.
void CompareBytes(const char* what, const PromptModel& model, const ModelParams& params, const Batch& batch) {
  at::Tensor loss = model.Loss(model.Forward(params, batch), batch);  // first allocates what is kept permanently
  loss.reset();
  const double before = HeapBytes();
  loss = model.Loss(model.Forward(params, batch), batch);
  const double held = HeapBytes() - before;
  const double estimate = model.GraphBytes(batch);
  std::cout << what << ": holds " << held / 1e6 << " MB, estimated " << estimate / 1e6 << " MB\n";
  EXPECT_GT(estimate, 0.9 * held) << what;
  EXPECT_LT(estimate, 1.1 * held) << what;
}

TEST(GraphBytesTest, IsWhatTheGraphHolds) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer has a malloc of its own";
#endif
  struct Case {
    const char* what;
    int64_t width;
    int64_t layers;
    ModelSpec::Features features;
    Activation activation;
    int rank;
    bool bfloat16;
    int layer;  // lowered to
    std::vector<int64_t> lengths;
    int prefix = 0;
    const char* architecture = "bert";
    bool sequences = false;  // answers are scored as sequences
  };
  std::vector<int64_t> different;
  for (int64_t b = 0; b < 25; ++b) {
    different.push_back(8 + (b * 7) % 20);
  }
  const std::vector<int64_t> equal(16, 64);
  const std::vector<Case> cases = {
      {"plain", 64, 2, ModelSpec::MASK, Activation::kGelu, 0, false, 0, different},
      {"wide", 192, 4, ModelSpec::MASK, Activation::kGelu, 0, false, 0, different},
      {"long", 64, 3, ModelSpec::MASK, Activation::kRelu, 0, false, 0, equal},
      {"mean", 64, 2, ModelSpec::MEAN, Activation::kQuickGelu, 0, false, 0, different},
      {"lora", 64, 3, ModelSpec::MASK, Activation::kSilu, 8, false, 0, different},
      {"lowered", 64, 4, ModelSpec::MASK, Activation::kGelu, 0, false, 3, different},
      {"bfloat16", 192, 3, ModelSpec::MASK, Activation::kGelu, 0, true, 0, equal},
      {"prefix", 64, 3, ModelSpec::MASK, Activation::kGelu, 0, false, 0, different, 16},
      {"gated", 64, 3, ModelSpec::MASK, Activation::kGelu, 0, false, 0, different, 0, "modernbert"},
      {"gated, mean", 64, 2, ModelSpec::MEAN, Activation::kGelu, 0, false, 0, equal, 0, "modernbert"},
      {"disentangled", 64, 3, ModelSpec::MASK, Activation::kGelu, 0, false, 0, different, 0, "deberta-v2"},
      {"disentangled, long", 64, 2, ModelSpec::MEAN, Activation::kGelu, 0, false, 0, equal, 0, "deberta-v2"},
      {"gpt2", 64, 3, ModelSpec::MASK, Activation::kGeluTanh, 0, false, 0, different, 0, "gpt2"},
      {"gpt2, all tokens", 64, 2, ModelSpec::MEAN, Activation::kGeluTanh, 4, false, 0, equal, 0, "gpt2"},
      {"sequences", 64, 3, ModelSpec::MASK, Activation::kGeluTanh, 0, false, 0, different, 0, "gpt2", true},
      {"llama", 64, 3, ModelSpec::MASK, Activation::kSilu, 0, false, 0, different, 0, "llama"},
      {"qwen2", 64, 2, ModelSpec::MEAN, Activation::kSilu, 0, false, 0, equal, 0, "qwen2"},
      {"t5", 64, 3, ModelSpec::MASK, Activation::kRelu, 0, false, 0, different, 0, "t5"},
      {"t5, lora, prefix", 96, 2, ModelSpec::MASK, Activation::kRelu, 8, false, 0, equal, 16, "t5"},
      {"t5, sequences", 64, 3, ModelSpec::MASK, Activation::kRelu, 0, false, 0, different, 0, "t5", true},
      {"t5, lowered", 64, 3, ModelSpec::MASK, Activation::kRelu, 0, false, 4, different, 0, "t5"},
  };
  for (const Case& one : cases) {
    EncoderConfig config = FindArchitecture(one.architecture)->defaults;
    config.model_type = one.architecture;
    if (config.model_type == "modernbert") {
      config.local_layers = {false, true, true};
      config.local_layers.resize(static_cast<size_t>(one.layers));
      config.window = 5;
    } else if (config.model_type == "deberta-v2") {
      config.disentangled = DisentangledConfig{80, 32, true, true, true, true};
      config.positions = Positions::kNone;
    }
    if (config.has_decoder()) {
      config.head_width = 24;
      config.decoder_layers = 4;
    }
    config.vocab_size = 50;
    config.width = config.embedding_width = one.width;
    config.layers = config.layer_groups = one.layers;
    config.heads = 4;
    config.key_heads = config.gated ? 2 : 0;
    config.intermediate = 4 * one.width;
    config.max_positions = 80;
    config.activation = one.activation;
    ModelSpec spec = SpecWith(one.features, one.rank);
    spec.mutable_prompt()->set_prefix_length(one.prefix);
    if (one.sequences) {
      spec.mutable_verbalizer()->set_kind(VerbalizerSpec::SEQUENCE);
    }
    PromptModel model(spec, Encoder(config, true), kSoft);
    model.set_bfloat16(one.bfloat16);
    ParamList params;
    for (const ParamInfo& info : model.params()) {
      params.push_back(at::rand(info.shape, at::kFloat).requires_grad_(true));
    }
    Random random(10);
    std::vector<PromptedText> texts = RandomTexts(one.lengths, 50, &random);
    for (PromptedText& text : texts) {
      text.read_at = one.sequences ? static_cast<int64_t>(text.ids.size()) - 1 : text.read_at;
    }
    Batch batch = PackBatch(texts, std::vector<int64_t>(one.lengths.size(), 1), TwoAnswers(at::kFloat));
    if (one.layer > 0) {
      batch = model.CacheBelow(Detached(params), batch, one.layer);
    }
    CompareBytes(one.what, model, params, batch);
  }
}

// Images with large patches, so that the pixels matter.
TEST(GraphBytesTest, IsWhatTheGraphOfImagesHolds) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "the sanitizer has a malloc of its own";
#endif
  for (const bool bfloat16 : {false, true}) {
    ModelSpec spec;
    VitSpec& vit = *spec.mutable_encoder()->mutable_vit();
    vit.set_layers(2);
    vit.set_width(64);
    vit.set_intermediate(128);
    vit.set_patch_size(16);
    PromptModel model(spec, Encoder(*VitConfig(vit, /*image_size=*/64, /*channels=*/3), /*with_head=*/false),
                      /*num_soft=*/0);
    model.set_bfloat16(bfloat16);
    ModelParams params;
    for (const ParamInfo& info : model.params()) {
      params.params.push_back((at::rand(info.shape, at::kFloat) * 0.1).requires_grad_(true));
    }
    params.head = {at::rand({2, 64}, at::kFloat).requires_grad_(true), at::zeros({2}, at::kFloat)};
    Batch batch;
    batch.ways = 2;
    batch.inputs = ImageInputs(at::rand({12, 3, 64, 64}, at::kFloat), /*soft=*/0, /*patches=*/16);
    batch.labels = at::arange(12, at::kLong).remainder(2);
    CompareBytes(bfloat16 ? "images, bfloat16" : "images", model, params, batch);
  }
}

}  // namespace
}  // namespace metaprompt

// ViT: compares it with the numbers of transformers, and derivatives with differences; soft vectors beside the patches.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/architectures/config_json.h"
#include "metaprompt/base/files.h"
#include "metaprompt/base/random.h"
#include "metaprompt/checkpoints/checkpoint.h"
#include "metaprompt/checkpoints/resized_images.h"
#include "metaprompt/checkpoints/safetensors.h"
#include "metaprompt/encoders/encoder.h"
#include "metaprompt/encoders/initial_vit.h"
#include "metaprompt/images/image_processor.h"
#include "metaprompt/images/resize_images.h"
#include "metaprompt/model/batch.h"
#include "metaprompt/model/image_inputs.h"
#include "metaprompt/prompt_model.h"
#include "tests/helpers/differences.h"
#include "tests/helpers/one_thread.h"
#include "tests/helpers/param_lists.h"

namespace metaprompt {
namespace {

constexpr char kGoldens[] = "tests/goldens/vit/";
constexpr int64_t kPixels = 6;
constexpr int64_t kChannels = 2;
constexpr int64_t kPrompts = 2;
constexpr int64_t kWays = 3;

// The last hidden states of images, and the vectors that are read, are as expected.
void ExpectStates(const Checkpoint& checkpoint, const at::Tensor& pixels, const at::Tensor& expected) {
  ASSERT_TRUE(expected.defined());
  const Encoder& encoder = *checkpoint.encoder;
  const ImageInputs images(pixels, /*soft=*/0, encoder.config().patches());
  const EncoderState embedded = encoder.Embedded(checkpoint.params, {}, images);
  const at::Tensor states = encoder.States(checkpoint.params, images.tokens(), embedded).view_as(expected);
  EXPECT_LT(MaxDifference(states, expected), 1e-5);
  const at::Tensor read = encoder.StatesToRead(checkpoint.params, images.tokens(), embedded);
  EXPECT_LT(MaxDifference(read, states.select(1, 0)), 1e-6);
}

class VitGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(VitGoldenTest, PixelsAndStatesAreThoseOfTransformers) {
  const at::NoGradGuard no_grad;
  const std::string folder = absl::StrCat(kGoldens, GetParam());
  const std::string path = absl::StrCat(folder, "/expected.safetensors");
  const TensorFile expected = *ParseSafetensors(*ReadFile(path), path);
  const absl::StatusOr<ImageProcessor> processor =
      ImageProcessor::Parse(*ReadFile(absl::StrCat(folder, "/preprocessor_config.json")), folder);
  ASSERT_TRUE(processor.ok()) << processor.status();
  const at::Tensor pixels = processor->Pixels(expected.Find("bytes").to(at::kByte));
  EXPECT_TRUE(pixels.equal(expected.Find("pixels"))) << "to the last bit";

  absl::StatusOr<Checkpoint> checkpoint = OpenCheckpoint(folder, /*allow_unknown=*/false);
  ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
  const std::string saved = absl::StrCat(testing::TempDir(), "/", GetParam());
  ASSERT_TRUE(SaveCheckpoint(saved, *checkpoint->encoder, checkpoint->params, checkpoint->config_json,
                             {{"preprocessor_config.json", processor->ConfigText(0, 0)}})
                  .ok());
  for (const std::string& from : {folder, saved}) {
    checkpoint = OpenCheckpoint(from, /*allow_unknown=*/false);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    ExpectStates(*checkpoint, pixels, expected.Find("states"));
  }
  // Images of other sizes, with interpolated positions.
  for (const int64_t side : {20, 8}) {
    const ImageProcessor resizing = *processor->ResizingTo(side, "test");
    const Checkpoint resized = ForImagesOf(side, *OpenCheckpoint(folder, /*allow_unknown=*/false));
    const std::string other = absl::StrCat(saved, "-", side);
    ASSERT_TRUE(SaveCheckpoint(other, *resized.encoder, resized.params, resized.config_json,
                               {{"preprocessor_config.json", resizing.ConfigText(0, 0)}})
                    .ok());
    checkpoint = OpenCheckpoint(other, /*allow_unknown=*/false);
    ASSERT_TRUE(checkpoint.ok()) << checkpoint.status();
    EXPECT_EQ(checkpoint->encoder->config().image_size, side);
    const std::string preprocessor = *ReadFile(absl::StrCat(other, "/preprocessor_config.json"));
    ExpectStates(*checkpoint, ImageProcessor::Parse(preprocessor, other)->Pixels(expected.Find("bytes").to(at::kByte)),
                 expected.Find(absl::StrCat("states-", side)));
  }
  const absl::StatusOr<EncoderConfig> again = ParseEncoderConfig(ConfigJson(checkpoint->encoder->config()), "again");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(ConfigJson(*again), ConfigJson(checkpoint->encoder->config()));
}

// make_resize_goldens.py made the file.
TEST(ResizedImagesTest, HaveTheBytesOfTransformers) {
  const std::string path = absl::StrCat(kGoldens, "resized.safetensors");
  const TensorFile expected = *ParseSafetensors(*ReadFile(path), path);
  const at::Tensor bytes = expected.Find("bytes").to(at::kByte);
  int cases = 0;
  for (const auto& [name, wanted] : expected.tensors) {
    if (name == "bytes") {
      continue;
    }
    ++cases;
    const ResizeFilter filter = absl::StartsWith(name, "bicubic") ? ResizeFilter::kBicubic : ResizeFilter::kBilinear;
    EXPECT_TRUE(ResizedImages(bytes, wanted.size(2), wanted.size(3), filter).equal(wanted.to(at::kByte))) << name;
  }
  EXPECT_EQ(cases, 8);
}

INSTANTIATE_TEST_SUITE_P(All, VitGoldenTest, testing::Values("vit", "vit-grey"),
                         [](const auto& info) { return std::string(info.param == "vit" ? "vit" : "vit_grey"); });

PromptModel SmallVit(int prefix, ModelSpec::Features features = ModelSpec::MASK) {
  ModelSpec spec;
  VitSpec& vit = *spec.mutable_encoder()->mutable_vit();
  vit.set_layers(2);
  vit.set_width(12);
  vit.set_heads(3);
  vit.set_intermediate(20);
  vit.set_patch_size(3);
  vit.set_layer_norm_eps(1e-3);
  spec.mutable_prompt()->mutable_visual()->set_length(kPrompts);
  spec.mutable_prompt()->set_prefix_length(prefix);
  spec.set_features(features);
  spec.set_read(features);
  return {spec, Encoder(*VitConfig(vit, kPixels, kChannels), /*with_head=*/false), kPrompts};
}

// No parameter has its initial value. The class head is part of the list.
ParamList RandomParams(const PromptModel& model, uint64_t seed) {
  Random random(seed);
  ParamList params;
  for (const ParamInfo& info : model.params()) {
    const at::Tensor param = RandomTensor(info.shape, &random) * 0.4;
    params.push_back(absl::StrContains(info.name, "norm") && absl::EndsWith(info.name, "weight") ? param + 1 : param);
  }
  params.push_back(RandomTensor({kWays, model.head_width()}, &random));
  params.push_back(RandomTensor({kWays}, &random));
  return params;
}

Batch RandomImages(int64_t count, uint64_t seed) {
  Random random(seed);
  Batch batch;
  batch.ways = kWays;
  batch.inputs = ImageInputs(RandomTensor({count, kChannels, kPixels, kPixels}, &random), kPrompts, 4);
  batch.labels = at::arange(count, at::kLong).remainder(kWays);
  return batch;
}

ParamList Gradient(const PromptModel& model, const ParamList& params, const Batch& batch) {
  const ParamList leaves = WithGraph(params);
  return torch::autograd::grad({model.Loss(model.Forward(SplitHead(model, leaves), batch), batch)}, leaves);
}

TEST(VitTest, DerivativesAgreeWithDifferences) {
  for (const int prefix : {0, 3}) {
    const PromptModel model = SmallVit(prefix, prefix == 0 ? ModelSpec::MASK : ModelSpec::MEAN);
    const ParamList params = RandomParams(model, 3);
    const Batch batch = RandomImages(5, 4);
    Random random(5);
    ParamList direction;
    for (const at::Tensor& param : params) {
      direction.push_back(Unit(RandomTensor(param.sizes(), &random)));
    }
    const ParamList leaves = WithGraph(params);
    const at::Tensor loss = model.Loss(model.Forward(SplitHead(model, leaves), batch), batch);
    const ParamList gradient = torch::autograd::grad({loss}, leaves, {}, /*retain_graph=*/true, /*create_graph=*/true);
    at::Tensor along = at::zeros({}, at::kDouble);
    for (size_t i = 0; i < leaves.size(); ++i) {
      along = along + (gradient[i] * direction[i]).sum();
    }
    const auto expected = Difference<double>(params, direction, [&](const ParamList& at) {
      return model.Loss(model.Forward(SplitHead(model, at), batch), batch).item<double>();
    });
    EXPECT_NEAR(along.item<double>(), expected, 1e-8 * std::max(1.0, std::abs(expected)));
    // H v = ∇(∇L · v)
    const ParamList product = torch::autograd::grad({along}, leaves, {}, false, false, /*allow_unused=*/true);
    const ParamList differences =
        ListDifference(params, direction, [&](const ParamList& at) { return Gradient(model, at, batch); });
    for (size_t i = 0; i < leaves.size(); ++i) {
      const std::string name = i < model.params().size() ? model.params()[i].name : "class head";
      const at::Tensor found = product[i].defined() ? product[i] : at::zeros_like(params[i]);
      EXPECT_LT(MaxDifference(found, differences[i]), 1e-7 * (1 + differences[i].abs().max().item<double>())) << name;
    }
  }
}

TEST(VitTest, ImagesAreComputedApartAndCachesChangeNothing) {
  const at::NoGradGuard no_grad;
  const PromptModel model = SmallVit(/*prefix=*/2);
  const ModelParams params = SplitHead(model, RandomParams(model, 6));
  const Batch batch = RandomImages(6, 7);
  const at::Tensor logits = model.Forward(params, batch).logits;
  for (int layer = 1; layer <= 4; ++layer) {
    const Batch cached = model.CacheBelow(params, batch, layer);
    ASSERT_NE(cached.cached, nullptr);
    EXPECT_LT(MaxDifference(model.Forward(params, cached).logits, logits), 1e-12) << layer;
    const Batch some = SelectRows(cached, {4, 1});
    EXPECT_LT(MaxDifference(model.Forward(params, some).logits, logits.index_select(0, at::tensor({4, 1}, at::kLong))),
              1e-12)
        << layer;
  }
  // Two tasks with different soft vectors.
  ModelParams together = params;
  ModelParams second = params;
  at::Tensor& soft = together.params[model.soft_place()];
  second.params[model.soft_place()] = soft * -0.5;
  soft = at::stack({soft, soft * -0.5});
  together.head = {at::cat({params.head[0], params.head[0]}), at::cat({params.head[1], params.head[1]})};
  Batch two = batch;
  two.tasks = 2;
  const at::Tensor of_two = model.Forward(together, two).logits;
  EXPECT_LT(MaxDifference(of_two.narrow(0, 0, 3), logits.narrow(0, 0, 3)), 1e-12);
  EXPECT_LT(MaxDifference(of_two.narrow(0, 3, 3), model.Forward(second, batch).logits.narrow(0, 3, 3)), 1e-12);
  EXPECT_GT(MaxDifference(of_two.narrow(0, 3, 3), logits.narrow(0, 3, 3)), 1e-3) << "soft vectors matter";
}

TEST(VitTest, ANewOneKeepsTheScaleOfItsStates) {
  const at::NoGradGuard no_grad;
  const PromptModel model = SmallVit(/*prefix=*/0);
  const ParamList params = model.Init(1);
  Batch batch = RandomImages(8, 2);
  const auto& images = std::get<ImageInputs>(batch.inputs);
  batch.inputs = ImageInputs(images.pixels().to(at::kFloat), kPrompts, 4);
  const ModelOutput output = model.Forward(params, batch);
  EXPECT_EQ(MaxDifference(output.logits, at::zeros({8, kWays})), 0) << "class vectors start at 0";
  EXPECT_GT(output.features.std(0).mean().item<double>(), 0.05) << "images differ";
  const auto& read = std::get<ImageInputs>(batch.inputs);
  const EncoderState start = model.encoder().Embedded(params, model.SoftVectors(params), read);
  EXPECT_NEAR(start.states.std().item<double>(), 0.8, 0.4) << "patches have about the size of their pixels";
  const at::Tensor end = model.encoder().States(params, read.tokens(), start);
  EXPECT_NEAR(end.std().item<double>(), 1, 0.1) << "a norm follows the last layer";
}

TEST(VitTest, RefusesImagesThatPatchesDoNotCover) {
  VitSpec spec;
  EXPECT_EQ(VitConfig(spec, 30, 1).status().message(),
            "model.encoder.vit.patch_size is 7; it must divide the height and width of the images, 30");
  const std::string config = R"({"model_type": "vit", "image_size": 30, "patch_size": 16})";
  EXPECT_EQ(ParseEncoderConfig(config, "FILE").status().message(),
            "FILE: image_size 30 must be a multiple of patch_size 16");
  EXPECT_THAT(
      std::string(ParseEncoderConfig(R"({"model_type": "vit", "image_size": [32, 64]})", "FILE").status().message()),
      testing::StartsWith("FILE: image_size must be a whole number"));
}

}  // namespace
}  // namespace metaprompt

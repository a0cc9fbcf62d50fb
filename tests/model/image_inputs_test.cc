// Images as inputs of a model, and the numbers that a preprocessor_config.json computes from their bytes.
#include "metaprompt/model/image_inputs.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "metaprompt/images/image_processor.h"
#include "metaprompt/model/batch.h"

namespace metaprompt {
namespace {

TEST(ImageInputsTest, AreCountedAndSelected) {
  const at::Tensor pixels = at::arange(4 * 2 * 6, at::kDouble).view({4, 1, 2, 6});
  Batch batch;
  batch.ways = 2;
  batch.inputs = ImageInputs(pixels, /*soft=*/2, /*patches=*/3);
  batch.labels = at::tensor({0, 1, 0, 1}, at::kLong);
  EXPECT_EQ(CountOf(batch.inputs), 4);
  EXPECT_EQ(RowsOf(batch), 4);
  const TextInputs& tokens = SequencesOf(batch);
  EXPECT_TRUE(tokens.ids().equal(at::tensor({0, -1, -2, 0, 0, 0}, at::kLong).repeat({4})));
  EXPECT_EQ(tokens.packing().longest, 6);
  EXPECT_TRUE(tokens.packing().read_from.equal(at::tensor({0, 6, 12, 18}, at::kLong)));
  EXPECT_EQ(tokens.packing().is_soft.sum().item<int64_t>(), 8);

  // Row 2 twice and row 0: two images.
  const Batch some = SelectRows(batch, {2, 0, 2});
  const auto& images = std::get<ImageInputs>(some.inputs);
  EXPECT_TRUE(images.pixels().equal(pixels.index_select(0, at::tensor({2, 0}, at::kLong))));
  EXPECT_EQ(images.soft(), 2);
  EXPECT_EQ(images.tokens().tokens(), 12);
  EXPECT_TRUE(some.repeats.equal(at::tensor({0, 1, 0}, at::kLong)));
  const Selection selection = Select(batch.inputs, {3});
  EXPECT_TRUE(selection.tokens.equal(at::arange(18, 24, at::kLong)));
  EXPECT_EQ(CountOf(OnDevice(batch.inputs, at::kCPU)), 4);
}

std::string ErrorOf(const std::string& json) {
  return std::string(ImageProcessor::Parse(json, "FILE").status().message());
}

TEST(ImageProcessorTest, RescalesAndNormalises) {
  const at::Tensor bytes = at::tensor({0, 51, 255, 128}, at::kByte).view({1, 1, 2, 2});
  const at::Tensor plain = ImageProcessor(1).Pixels(bytes);
  EXPECT_EQ(plain.scalar_type(), at::kFloat);
  EXPECT_TRUE(plain.flatten().allclose(at::tensor({-1.0F, -0.6F, 1.0F, 128 / 127.5F - 1}), 0, 1e-7));
  const std::vector<std::pair<std::string, at::Tensor>> cases = {
      {R"({"do_resize": false, "do_normalize": false})", at::tensor({0.0F, 0.2F, 1.0F, 128 / 255.0F})},
      {R"({"do_resize": false, "do_normalize": false, "do_rescale": false})",
       at::tensor({0.0F, 51.0F, 255.0F, 128.0F})},
      {R"({"size": 2, "do_rescale": false, "image_mean": [51], "image_std": [2]})",
       at::tensor({-25.5F, 0.0F, 102.0F, 38.5F})},
      {R"({"size": {"height": 2, "width": 2}, "rescale_factor": 0.5, "image_mean": [0.5], "image_std": [0.25]})",
       at::tensor({-2.0F, 100.0F, 508.0F, 254.0F})}};
  for (const auto& [json, wanted] : cases) {
    const absl::StatusOr<ImageProcessor> processor = ImageProcessor::Parse(json, "FILE");
    ASSERT_TRUE(processor.ok()) << processor.status();
    EXPECT_TRUE(processor->Check(1, "FILE").ok());
    EXPECT_EQ(processor->SizeOf(2, 2), std::make_pair(int64_t{2}, int64_t{2}));
    EXPECT_TRUE(processor->Pixels(bytes).flatten().allclose(wanted, 0, 1e-7)) << json;
    EXPECT_EQ(processor->ConfigText(9, 9), json) << "kept as it was read";
  }
  const absl::StatusOr<ImageProcessor> again = ImageProcessor::Parse(ImageProcessor(3).ConfigText(8, 6), "FILE");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->Check(3, "FILE").ok());
  EXPECT_EQ(again->SizeOf(2, 2), std::make_pair(int64_t{8}, int64_t{6}));
  const at::Tensor large = bytes.repeat_interleave(4, 2).repeat_interleave(3, 3);
  EXPECT_TRUE(again->Pixels(large.expand({1, 3, 8, 6})).equal(ImageProcessor(3).Pixels(large.expand({1, 3, 8, 6}))));
}

TEST(ImageProcessorTest, RefusesWhatItCannotDo) {
  EXPECT_EQ(ErrorOf(R"({"resample": 0})"),
            "FILE: resample is 0; images can be resized with 2 (bilinear) and 3 (bicubic)");
  EXPECT_EQ(ImageProcessor::Parse(R"({"do_resize": false})", "FILE")->Check(1, "FILE").message(),
            "FILE: image_mean has 3 numbers, and the data's images have 1 channel");
  EXPECT_EQ(ErrorOf(R"({"image_processor_type": "CLIPImageProcessor"})"),
            "FILE: image_processor_type must be ViTImageProcessor, not 'CLIPImageProcessor'");
  EXPECT_EQ(ErrorOf(R"({"do_center_crop": true})"),
            "FILE: do_center_crop is true; only resizing, rescaling and normalising are supported");
  EXPECT_EQ(ErrorOf(R"({"size": {"shortest_edge": 224}})"),
            R"(FILE: size must be a number or {"height": ..., "width": ...}, not an object)");
  EXPECT_EQ(ErrorOf(R"({"size": {"height": 0, "width": 3}})"),
            "FILE: size: height must be a whole number from 1 to 65536, not 0");
  EXPECT_EQ(ErrorOf(R"({"image_std": [0.5, 0, 0.5]})"), "FILE: image_std must be 1 or 3 numbers above 0, not an array");
  EXPECT_EQ(ErrorOf(R"({"image_mean": [0.5]})"), "FILE: image_mean has 1 numbers, image_std 3");
  EXPECT_EQ(ErrorOf("[]"), "FILE: it must be a JSON object, not an array");
}

}  // namespace
}  // namespace metaprompt

// Images as tasks.
#include "episodes/image_source.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "episodes/sampler.h"
#include "metaprompt/images/image_processor.h"
#include "metaprompt/model/episode.h"
#include "metaprompt/model/image_inputs.h"

namespace metaprompt {
namespace {

// Image i of class c has the same byte everywhere, 10 c + i.
Dataset Uniform(int64_t classes, int64_t images) {
  Dataset dataset;
  dataset.images = ImageShape{1, 2, 3};
  for (int64_t c = 0; c < classes; ++c) {
    TextClass one;
    one.label = std::string(1, static_cast<char>('a' + c));
    for (int64_t i = 0; i < images; ++i) {
      one.texts.push_back(std::string(6, static_cast<char>(10 * c + i)));
    }
    dataset.classes.push_back(one);
  }
  return dataset;
}

TEST(ImageSourceTest, BuildsThePlannedImages) {
  const Dataset dataset = Uniform(4, 5);
  const ImageProcessor raw =
      *ImageProcessor::Parse(R"({"do_resize": false, "do_rescale": false, "do_normalize": false})", "test");
  const ImageSource source(dataset.Of(Split::kTrain), *dataset.images, raw, /*soft=*/1, /*patches=*/6);
  ASSERT_EQ(source.sizes().size(), 4);
  EXPECT_EQ(source.sizes()[3].label, "d");
  EXPECT_EQ(source.sizes()[3].texts, 5);
  EpisodeShape shape;
  shape.ways = 3;
  shape.shots = 2;
  shape.queries = 1;
  const EpisodeSampler sampler = *EpisodeSampler::Create(source.sizes(), shape, 7, "train");
  const std::vector<EpisodePlan> plans = sampler.Plans(0, 2);
  const Episode episode = source.Build(plans, at::kDouble);
  EXPECT_EQ(episode.support.tasks, 2);
  EXPECT_EQ(episode.support.ways, 3);
  EXPECT_TRUE(episode.support.labels.equal(at::tensor({0, 0, 1, 1, 2, 2}, at::kLong).repeat({2})));
  EXPECT_TRUE(episode.query.labels.equal(at::tensor({0, 1, 2}, at::kLong).repeat({2})));
  const auto& images = std::get<ImageInputs>(episode.support.inputs);
  ASSERT_EQ(images.pixels().sizes(), at::IntArrayRef({12, 1, 2, 3}));
  EXPECT_EQ(images.tokens().packing().longest, 8);
  for (size_t t = 0; t < 2; ++t) {
    for (size_t i = 0; i < 6; ++i) {
      const TextRef& ref = plans[t].support[i];
      const at::Tensor wanted = at::full({1, 2, 3}, static_cast<double>(10 * ref.of_class + ref.text), at::kDouble);
      EXPECT_TRUE(images.pixels()[static_cast<int64_t>(6 * t + i)].equal(wanted)) << t << " " << i;
    }
  }
  EXPECT_NE(episode.support.seed, episode.query.seed);
}

}  // namespace
}  // namespace metaprompt

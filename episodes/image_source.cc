#include "episodes/image_source.h"

#include <ATen/ATen.h>

#include <string>
#include <utility>

#include "metaprompt/base/random.h"

namespace metaprompt {
namespace {

std::vector<ClassSize> SizesOf(const std::vector<const TextClass*>& classes) {
  std::vector<ClassSize> sizes;
  for (const TextClass* one : classes) {
    sizes.push_back(ClassSize{one->label, static_cast<int64_t>(one->texts.size())});
  }
  return sizes;
}

int64_t ImagesIn(const std::vector<ClassSize>& sizes) {
  int64_t images = 0;
  for (const ClassSize& one : sizes) {
    images += one.texts;
  }
  return images;
}

}  // namespace

ImageSource::ImageSource(const std::vector<const TextClass*>& classes, const ImageShape& shape,
                         ImageProcessor processor, int64_t soft, int64_t patches)
    : sizes_(SizesOf(classes)), images_(ImagesIn(sizes_), shape, std::move(processor), soft, patches) {
  int64_t first = 0;
  for (const TextClass* one : classes) {
    first_.push_back(first);
    first += static_cast<int64_t>(one->texts.size());
    for (const std::string& image : one->texts) {
      images_.Add(image);
    }
  }
}

std::vector<ClassSize> ImageSource::sizes() const { return sizes_; }

Episode ImageSource::Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const {
  TORCH_CHECK(!plans.empty(), "ImageSource: no task");
  const auto batch_of = [&](const std::vector<TextRef> EpisodePlan::* part) {
    std::vector<int64_t> numbers;
    std::vector<int64_t> labels;
    for (const EpisodePlan& plan : plans) {
      const std::vector<TextRef>& refs = plan.*part;
      TORCH_CHECK(refs.size() == (plans[0].*part).size(), "ImageSource: the tasks of a batch must be equally large");
      for (size_t i = 0; i < refs.size(); ++i) {
        numbers.push_back(first_[static_cast<size_t>(refs[i].of_class)] + refs[i].text);
        labels.push_back(static_cast<int64_t>(i * plan.classes.size() / refs.size()));
      }
    }
    Batch batch;
    batch.tasks = static_cast<int64_t>(plans.size());
    batch.ways = static_cast<int64_t>(plans[0].classes.size());
    batch.inputs = images_.Inputs(numbers, dtype);
    batch.labels = at::tensor(at::ArrayRef<int64_t>(labels), at::kLong);
    return batch;
  };
  // The same seed as in TextSource.
  const uint64_t seed = SubSeed(plans[0].answer_seed, "batch", static_cast<uint64_t>(plans[0].index));
  return WithSeed({at::empty({0}, at::kLong), batch_of(&EpisodePlan::support), batch_of(&EpisodePlan::query)}, seed);
}

}  // namespace metaprompt

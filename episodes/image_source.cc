#include "episodes/image_source.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <utility>

#include "metaprompt/base/random.h"
#include "metaprompt/model/image_inputs.h"

namespace metaprompt {

ImageSource::ImageSource(const std::vector<const TextClass*>& classes, const ImageShape& shape,
                         ImageProcessor processor, int64_t soft, int64_t patches)
    : processor_(std::move(processor)), soft_(soft), patches_(patches) {
  int64_t images = 0;
  for (const TextClass* one : classes) {
    first_.push_back(images);
    sizes_.push_back(ClassSize{one->label, static_cast<int64_t>(one->texts.size())});
    images += sizes_.back().texts;
  }
  bytes_ = at::empty({images, shape.channels, shape.height, shape.width}, at::kByte);
  auto* next = bytes_.data_ptr<uint8_t>();
  for (const TextClass* one : classes) {
    for (const std::string& image : one->texts) {
      TORCH_CHECK(static_cast<int64_t>(image.size()) == shape.bytes(), "ImageSource: an image of ", image.size(),
                  " bytes instead of ", shape.bytes());
      next = std::copy(image.begin(), image.end(), next);
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
    const at::Tensor bytes = bytes_.index_select(0, at::tensor(at::ArrayRef<int64_t>(numbers), at::kLong));
    Batch batch;
    batch.tasks = static_cast<int64_t>(plans.size());
    batch.ways = static_cast<int64_t>(plans[0].classes.size());
    batch.inputs = ImageInputs(processor_.Pixels(bytes).to(dtype), soft_, patches_);
    batch.labels = at::tensor(at::ArrayRef<int64_t>(labels), at::kLong);
    return batch;
  };
  // The same seed as in TextSource.
  const uint64_t seed = SubSeed(plans[0].answer_seed, "batch", static_cast<uint64_t>(plans[0].index));
  return WithSeed({at::empty({0}, at::kLong), batch_of(&EpisodePlan::support), batch_of(&EpisodePlan::query)}, seed);
}

}  // namespace metaprompt

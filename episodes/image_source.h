// ImageSource: the task source of images.
#ifndef EPISODES_IMAGE_SOURCE_H_
#define EPISODES_IMAGE_SOURCE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "datasets/dataset.h"
#include "datasets/image_shape.h"
#include "episodes/image_store.h"
#include "episodes/sampler.h"
#include "episodes/task_source.h"
#include "metaprompt/images/image_processor.h"

namespace metaprompt {

// The images of one split. The constructor copies their bytes.
class ImageSource : public TaskSource {
 public:
  // `soft` and `patches`: see ImageInputs. All images of the classes have the shape `shape`, which the processor
  // accepts.
  ImageSource(const std::vector<const TextClass*>& classes, const ImageShape& shape, ImageProcessor processor,
              int64_t soft, int64_t patches);

  std::vector<ClassSize> sizes() const override;

  // Pixels are rounded to float32, even if `dtype` is double. Rows are ordered by task, then by way. Episode::rows has
  // no elements, because no parameter has vocabulary rows.
  Episode Build(absl::Span<const EpisodePlan> plans, at::ScalarType dtype) const override;

 private:
  std::vector<ClassSize> sizes_;
  std::vector<int64_t> first_;  // the first image of each class
  ImageStore images_;           // class by class
};

}  // namespace metaprompt

#endif  // EPISODES_IMAGE_SOURCE_H_

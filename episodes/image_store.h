// ImageStore: the bytes of many images, and some of them as an encoder's inputs.
#ifndef EPISODES_IMAGE_STORE_H_
#define EPISODES_IMAGE_STORE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "datasets/image_shape.h"
#include "metaprompt/images/image_processor.h"
#include "metaprompt/model/image_inputs.h"

namespace metaprompt {

// The images are numbered from 0, in the order in which they are added.
class ImageStore {
 public:
  // Takes `images` images of the shape, which the processor accepts. `soft` and `patches`: see ImageInputs.
  ImageStore(int64_t images, const ImageShape& shape, ImageProcessor processor, int64_t soft, int64_t patches);

  // Copies the bytes of the next image, shape.bytes() of them (TORCH_CHECK).
  void Add(absl::string_view image);

  // The images with the numbers `which`, in that order, on the CPU. Pixels are rounded to float32, even if `type` is
  // double.
  ImageInputs Inputs(absl::Span<const int64_t> which, at::ScalarType type) const;

 private:
  at::Tensor bytes_;  // [images, channels, height, width] uint8
  int64_t added_ = 0;
  ImageProcessor processor_;
  int64_t soft_;
  int64_t patches_;
};

}  // namespace metaprompt

#endif  // EPISODES_IMAGE_STORE_H_

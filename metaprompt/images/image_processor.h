// ImageProcessor: converts the bytes of images to the numbers that an encoder reads, as specified in
// preprocessor_config.json.
#ifndef METAPROMPT_IMAGES_IMAGE_PROCESSOR_H_
#define METAPROMPT_IMAGES_IMAGE_PROCESSOR_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "metaprompt/images/resize_images.h"

namespace metaprompt {

class ImageProcessor {
 public:
  // The processor of a new encoder: 0 becomes -1, and 255 becomes 1.
  explicit ImageProcessor(int64_t channels);

  // Parses the configuration of transformers' ViTImageProcessor. A missing field has transformers' default. Errors
  // begin with `name`, the name of the file, and name the field: invalid JSON, a value of the wrong type or out of
  // range, another image processor, a step that is not supported (center crops, padding, other filters than bilinear
  // and bicubic), different numbers of means and deviations.
  static absl::StatusOr<ImageProcessor> Parse(absl::string_view json, absl::string_view name);

  // The text of preprocessor_config.json: the one that Parse read or, for a new encoder, one for images of this size.
  std::string ConfigText(int64_t height, int64_t width) const;

  // OK if images with these channels have one channel per mean. The error begins with `name`.
  absl::Status Check(int64_t channels, absl::string_view name) const;

  // The same processor, except that it resizes images to `side` x `side` pixels. The error, which begins with `name`: a
  // filter that is not supported.
  absl::StatusOr<ImageProcessor> ResizingTo(int64_t side, absl::string_view name) const;

  // The height and width to which images of this size are resized.
  std::pair<int64_t, int64_t> SizeOf(int64_t height, int64_t width) const;

  // `images` is [B, channels, height, width] uint8. The result is float32, with the same bits as in transformers 5.24
  // (with torchvision). After resizing (ResizedImages), if the processor rescales and normalises, it is
  // (x - mean / factor) / (deviation / factor) for each channel.
  at::Tensor Pixels(const at::Tensor& images) const;

 private:
  std::string json_;  // as read; empty: for a new encoder
  // The size to which images are resized; 0: they are not resized.
  int64_t height_ = 0;
  int64_t width_ = 0;
  ResizeFilter filter_ = ResizeFilter::kBilinear;
  bool rescales_ = true;
  double factor_ = 1.0 / 255;  // of rescaling
  bool normalises_ = true;
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_IMAGES_IMAGE_PROCESSOR_H_

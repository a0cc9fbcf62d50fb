// From the bytes of images to the numbers that an encoder reads, by the rules in preprocessor_config.json.
#ifndef METAPROMPT_IMAGES_IMAGE_PROCESSOR_H_
#define METAPROMPT_IMAGES_IMAGE_PROCESSOR_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Images are never resized: they must have the encoder's size already.
class ImageProcessor {
 public:
  // What a new encoder has: 0 becomes -1 and 255 becomes 1.
  explicit ImageProcessor(int64_t channels);

  // The steps of transformers' ViTImageProcessor. A field that is missing has transformers' default for it. Errors
  // begin with `name`, the file's, and name the field: invalid JSON, a value of another type or out of range, another
  // image processor, a step that is not supported (center crops), means and deviations of different numbers.
  static absl::StatusOr<ImageProcessor> Parse(absl::string_view json, absl::string_view name);

  // The preprocessor_config.json: what Parse read, or what an encoder of images of this size has.
  std::string ConfigText(int64_t height, int64_t width) const;

  // OK if images of this shape need no resizing and have as many channels as there are means. `name` begins the error.
  absl::Status Check(int64_t channels, int64_t height, int64_t width, absl::string_view name) const;

  // `bytes` [B, channels, height, width] uint8. The result is float32, the same bits as from transformers 5.24:
  // (x - mean / factor) / (deviation / factor) for each channel.
  at::Tensor Pixels(const at::Tensor& bytes) const;

 private:
  std::string json_;  // as read; empty: a new encoder's
  // The size that images are resized to; 0: they are not resized. The shortest edge alone: both are this.
  int64_t height_ = 0;
  int64_t width_ = 0;
  bool rescales_ = true;
  double factor_ = 1.0 / 255;  // of rescaling
  bool normalises_ = true;
  std::vector<double> mean_;
  std::vector<double> deviation_;
};

}  // namespace metaprompt

#endif  // METAPROMPT_IMAGES_IMAGE_PROCESSOR_H_

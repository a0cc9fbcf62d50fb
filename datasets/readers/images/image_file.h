// Image files: PNG and JPEG.
#ifndef DATASETS_READERS_IMAGES_IMAGE_FILE_H_
#define DATASETS_READERS_IMAGES_IMAGE_FILE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "datasets/image_shape.h"

namespace metaprompt {

// The greatest height and width of an image, in pixels.
inline constexpr int64_t kMostPixels = 1024;

struct DecodedImage {
  ImageShape shape;
  std::string bytes;  // in the order of ImageShape
};

// Decodes the contents of a PNG or JPEG file; the first bytes decide which. `channels` is 1 or 3. With 3, the three
// numbers of a grey pixel are equal. Transparency is ignored. The pixels are those that Pillow's `Image.convert` gives.
//
// Errors begin with `name`: another format, a damaged or truncated file, more than 1024 pixels in height or width, more
// than 8 bits per number, colour where `channels` is 1, CMYK.
absl::StatusOr<DecodedImage> DecodeImage(absl::string_view contents, int64_t channels, absl::string_view name);

}  // namespace metaprompt

#endif  // DATASETS_READERS_IMAGES_IMAGE_FILE_H_

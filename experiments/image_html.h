// Images inside web pages, which then need no other file.
#ifndef EXPERIMENTS_IMAGE_HTML_H_
#define EXPERIMENTS_IMAGE_HTML_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "datasets/image_shape.h"

namespace metaprompt {

// An element that shows the image at `scale` times its size.
std::string ImageHtml(const ImageShape& shape, absl::string_view image, int64_t scale);

}  // namespace metaprompt

#endif  // EXPERIMENTS_IMAGE_HTML_H_

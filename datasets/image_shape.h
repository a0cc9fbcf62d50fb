// What all images of a data set have in common.
#ifndef DATASETS_IMAGE_SHAPE_H_
#define DATASETS_IMAGE_SHAPE_H_

#include <cstdint>

namespace metaprompt {

// An image is a string of bytes, one per number: channel by channel, each row by row from the top. 0 is black.
struct ImageShape {
  int64_t channels = 1;  // 1: grey; 3: red, green, blue
  int64_t height = 0;    // in pixels
  int64_t width = 0;

  int64_t bytes() const { return channels * height * width; }
};

}  // namespace metaprompt

#endif  // DATASETS_IMAGE_SHAPE_H_

// Resizing of images, with the same bytes as in transformers.
#ifndef METAPROMPT_IMAGES_RESIZE_IMAGES_H_
#define METAPROMPT_IMAGES_RESIZE_IMAGES_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace metaprompt {

enum class ResizeFilter {
  kBilinear,  // a triangle that is two pixels wide
  kBicubic,   // four pixels wide (Keys 1981, a = -1/2)
};

// Resizes `bytes` [B, channels, H, W] uint8 to [B, channels, height, width]: first along the rows, then along the
// columns, each time rounding to bytes. A pixel is a weighted mean over the pixels below the filter, which is stretched
// by H / height if the image becomes smaller (antialiasing, as in Pillow's Image.resize). The weights are integers of
// up to 16 bits times a power of 2, as in PyTorch's interpolate(antialias=True) for bytes, which torchvision calls.
at::Tensor ResizedImages(const at::Tensor& bytes, int64_t height, int64_t width, ResizeFilter filter);

}  // namespace metaprompt

#endif  // METAPROMPT_IMAGES_RESIZE_IMAGES_H_

#include "experiments/image_html.h"

#include <cstddef>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace metaprompt {
namespace {

// Appends the lowest `bytes` bytes of a number, the lowest first.
void Append(int64_t number, int bytes, std::string* file) {
  for (int i = 0; i < bytes; ++i) {
    file->push_back(static_cast<char>((number >> (8 * i)) & 0xFF));
  }
}

// The image as a BMP file, a format that all browsers show.
std::string BmpFile(const ImageShape& shape, absl::string_view image) {
  constexpr int64_t kHeaders = 54;  // BITMAPFILEHEADER and BITMAPINFOHEADER
  constexpr int64_t kChannels = 3;  // blue, green, red
  const int64_t row = (kChannels * shape.width + 3) / 4 * 4;
  std::string file = "BM";
  Append(kHeaders + row * shape.height, 4, &file);
  Append(0, 4, &file);
  Append(kHeaders, 4, &file);
  Append(40, 4, &file);  // the size of the second header
  Append(shape.width, 4, &file);
  Append(shape.height, 4, &file);
  Append(1, 2, &file);                               // plane
  Append(8 * kChannels, 2, &file);                   // bits per pixel
  Append(0, 24, &file);                              // not compressed; no palette
  for (int64_t y = shape.height - 1; y >= 0; --y) {  // from the bottom
    for (int64_t x = 0; x < shape.width; ++x) {
      for (int64_t c = kChannels - 1; c >= 0; --c) {
        const int64_t channel = shape.channels == kChannels ? c : 0;
        file.push_back(image[static_cast<size_t>((channel * shape.height + y) * shape.width + x)]);
      }
    }
    file.append(static_cast<size_t>(row - kChannels * shape.width), '\0');
  }
  return file;
}

}  // namespace

std::string ImageHtml(const ImageShape& shape, absl::string_view image, int64_t scale) {
  return absl::StrCat("<img alt=\"\" width=\"", scale * shape.width, "\" height=\"", scale * shape.height,
                      "\" src=\"data:image/bmp;base64,", absl::Base64Escape(BmpFile(shape, image)), "\">");
}

}  // namespace metaprompt

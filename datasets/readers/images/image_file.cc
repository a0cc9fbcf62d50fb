#include "datasets/readers/images/image_file.h"

#include <png.h>
#include <turbojpeg.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace metaprompt {
namespace {

absl::Status Error(absl::string_view name, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", what));
}

absl::Status Check(int64_t height, int64_t width, bool in_colour, int64_t channels, absl::string_view name) {
  if (height < 1 || width < 1 || height > kMostPixels || width > kMostPixels) {
    return Error(name, absl::StrCat(width, " x ", height, " pixels; an image may have at most ", kMostPixels, " x ",
                                    kMostPixels, ", so make it smaller"));
  }
  if (in_colour && channels == 1) {
    return Error(name, "the image is in colour; set dataset.image_folder.colour to COLOUR");
  }
  return absl::OkStatus();
}

// Reorders pixels of `stride` numbers each. The numbers after the first `channels` are dropped.
DecodedImage ByChannel(const std::vector<unsigned char>& pixels, size_t stride, const ImageShape& shape) {
  DecodedImage image;
  image.shape = shape;
  image.bytes.reserve(static_cast<size_t>(shape.bytes()));
  for (size_t channel = 0; channel < static_cast<size_t>(shape.channels); ++channel) {
    for (size_t at = channel; at < pixels.size(); at += stride) {
      image.bytes.push_back(static_cast<char>(pixels[at]));
    }
  }
  return image;
}

// The file without what it states about its colour space, so that libpng does not convert the numbers to sRGB.
std::string WithoutColourSpace(absl::string_view png) {
  constexpr size_t kSignature = 8;
  constexpr size_t kAround = 12;  // length, type and checksum of a chunk
  std::string kept(png.substr(0, kSignature));
  for (size_t at = kSignature; at < png.size();) {
    uint64_t size = kAround;
    for (size_t i = 0; i < 4 && at + i < png.size(); ++i) {
      size += static_cast<uint64_t>(static_cast<unsigned char>(png[at + i])) << (24 - 8 * i);
    }
    const absl::string_view chunk = png.substr(at, size);
    const absl::string_view type = chunk.substr(std::min<size_t>(4, chunk.size()), 4);
    if (type != "gAMA" && type != "cHRM" && type != "iCCP") {
      absl::StrAppend(&kept, chunk);
    }
    at += chunk.size();
  }
  return kept;
}

absl::StatusOr<DecodedImage> DecodePng(absl::string_view file, int64_t channels, absl::string_view name) {
  const std::string contents = WithoutColourSpace(file);
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, decltype(&png_image_free)> owner(&image, png_image_free);
  if (png_image_begin_read_from_memory(&image, contents.data(), contents.size()) == 0) {
    return Error(name, absl::StrCat("a damaged PNG file: ", image.message));
  }
  if ((image.format & PNG_FORMAT_FLAG_LINEAR) != 0) {
    return Error(name, "a PNG file with 16 bits per number; at most 8 are supported");
  }
  const bool in_colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  if (const absl::Status status = Check(image.height, image.width, in_colour, channels, name); !status.ok()) {
    return status;
  }
  image.format = channels == 1 ? PNG_FORMAT_GA : PNG_FORMAT_RGBA;
  std::vector<unsigned char> pixels(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, pixels.data(), 0, nullptr) == 0) {
    return Error(name, absl::StrCat("a damaged or truncated PNG file: ", image.message));
  }
  return ByChannel(pixels, static_cast<size_t>(channels) + 1, {channels, image.height, image.width});
}

absl::StatusOr<DecodedImage> DecodeJpeg(absl::string_view contents, int64_t channels, absl::string_view name) {
  const std::unique_ptr<std::remove_pointer_t<tjhandle>, decltype(&tjDestroy)> decoder(tjInitDecompress(), tjDestroy);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(contents.data());
  int width = 0;
  int height = 0;
  int sampling = 0;
  int colours = 0;
  if (tjDecompressHeader3(decoder.get(), bytes, contents.size(), &width, &height, &sampling, &colours) != 0) {
    return Error(name, absl::StrCat("a damaged or truncated JPEG file: ", tjGetErrorStr2(decoder.get())));
  }
  if (colours == TJCS_CMYK || colours == TJCS_YCCK) {
    return Error(name, "a JPEG file in CMYK; only grey and RGB are supported");
  }
  if (const absl::Status status = Check(height, width, colours != TJCS_GRAY, channels, name); !status.ok()) {
    return status;
  }
  const ImageShape shape = {channels, height, width};
  std::vector<unsigned char> pixels(static_cast<size_t>(shape.bytes()));
  if (tjDecompress2(decoder.get(), bytes, contents.size(), pixels.data(), width, 0, height,
                    channels == 1 ? TJPF_GRAY : TJPF_RGB, TJFLAG_ACCURATEDCT | TJFLAG_STOPONWARNING) != 0) {
    return Error(name, absl::StrCat("a damaged or truncated JPEG file: ", tjGetErrorStr2(decoder.get())));
  }
  return ByChannel(pixels, static_cast<size_t>(channels), shape);
}

}  // namespace

absl::StatusOr<DecodedImage> DecodeImage(absl::string_view contents, int64_t channels, absl::string_view name) {
  if (absl::StartsWith(contents, "\x89PNG")) {
    return DecodePng(contents, channels, name);
  }
  if (absl::StartsWith(contents, "\xff\xd8\xff")) {
    return DecodeJpeg(contents, channels, name);
  }
  return Error(name, contents.empty() ? "the file is empty" : "neither a PNG nor a JPEG file, whatever its name is");
}

}  // namespace metaprompt

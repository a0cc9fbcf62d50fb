// A user's own PNG and JPEG files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <turbojpeg.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "datasets/dataset.h"
#include "datasets/readers/images/image_file.h"
#include "tests/helpers/dataset_files.h"

namespace metaprompt {
namespace {

using testing::HasSubstr;

constexpr char kSplit[] = " split { lists { train: 'cat' valid: 'dog' test: 'red_fox' } }";

// A PNG file. `pixels` has `channels` numbers per pixel, as 1 (grey), 3 (RGB) or 4 (RGB and opacity).
std::string Png(unsigned width, unsigned height, int channels, const std::string& pixels) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = channels == 1 ? PNG_FORMAT_GRAY : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_RGBA;
  png_alloc_size_t size = 0;
  EXPECT_NE(png_image_write_get_memory_size(image, size, 0, pixels.data(), 0, nullptr), 0);
  std::string file(size, '\0');
  EXPECT_NE(png_image_write_to_memory(&image, file.data(), &size, 0, pixels.data(), 0, nullptr), 0);
  return file;
}

// A JPEG file in which all pixels are equal.
std::string Jpeg(int width, int height, unsigned char red, unsigned char green, unsigned char blue, bool grey) {
  std::vector<unsigned char> pixels;
  for (int i = 0; i < width * height; ++i) {
    pixels.insert(pixels.end(), {red, green, blue});
  }
  const tjhandle encoder = tjInitCompress();
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): turbojpeg's type
  EXPECT_EQ(tjCompress2(encoder, pixels.data(), width, 0, height, TJPF_RGB, &bytes, &size,
                        grey ? TJSAMP_GRAY : TJSAMP_444, 100, 0),
            0);
  std::string file(reinterpret_cast<char*>(bytes), size);
  tjFree(bytes);
  tjDestroy(encoder);
  return file;
}

TEST(ImageFolderTest, FoldersAreClasses) {
  Write("own/train/cat/1.png", Png(2, 1, 3, "\1\2\3\4\5\6"));
  Write("own/cat/2.PNG", Png(2, 1, 1, "\7\x8"));
  Write("own/cat/notes.txt", "not read");
  Write("own/dog/1.png", Png(2, 1, 4, std::string("\1\2\3\0\4\5\6\x80", 8)));  // the first pixel is transparent
  Write("own/red_fox/1.jpeg", Jpeg(2, 1, 200, 200, 200, false));
  Write("own/red_fox/2.jpg", Jpeg(2, 1, 90, 90, 90, true));
  Write("own/red_fox/._2.jpg", "not an image, but what macOS puts beside one");
  const absl::StatusOr<Dataset> data = Load(absl::StrCat("image_folder { path: '$own' }", kSplit));
  ASSERT_TRUE(data.ok()) << data.status();
  ASSERT_TRUE(data->images.has_value());
  EXPECT_EQ(data->images->channels, 3);
  EXPECT_EQ(data->images->height, 1);
  EXPECT_EQ(data->images->width, 2);
  EXPECT_EQ(data->classes[0].texts[0], "\7\x8\7\x8\7\x8");
  EXPECT_EQ(data->classes[0].texts[1], "\1\4\2\5\3\6");
  EXPECT_EQ(data->classes[1].texts[0], "\1\4\2\5\3\6");
  EXPECT_EQ(data->classes[2].name, "red fox");
  EXPECT_EQ(data->classes[2].texts[0], std::string(6, '\xc8'));
  EXPECT_EQ(data->classes[2].texts[1], std::string(6, 90));
}

// A linear colour space, which would change the numbers if they were converted to sRGB.
TEST(ImageFolderTest, NumbersOfPngFilesAreTakenAsTheyAre) {
  std::string plain = Png(2, 1, 3, std::string("\x91\x0d\x40\xfd\x20\x80", 6));
  for (const char* type : {"sRGB", "gAMA"}) {  // libpng has written that the numbers are sRGB
    if (const size_t at = plain.find(type); at != std::string::npos) {
      plain.erase(at - 4, 12U + static_cast<unsigned char>(plain[at - 1]));
    }
  }
  const std::string gamma = std::string("\0\0\0\4gAMA\0\1\x86\xa0\x31\xe8\x96\x5f", 16);  // 1.0
  const size_t first = 8 + 25;  // after the signature and the header
  const std::string linear = plain.substr(0, first) + gamma + plain.substr(first);
  const auto bytes = [](const std::string& file) { return DecodeImage(file, 3, "f").value().bytes; };
  EXPECT_EQ(bytes(linear), bytes(plain));
}

TEST(ImageFolderTest, GreyImagesFromAnArchive) {
  Pack("grey.zip", Packing::kZip,
       {{"cat/1.png", Png(2, 2, 1, "\1\2\3\4")},
        {"dog/1.jpg", Jpeg(2, 2, 7, 7, 7, true)},
        {"red_fox/1.png", Png(2, 2, 1, "\4\3\2\1")}});
  const absl::StatusOr<Dataset> data = Load(absl::StrCat("image_folder { path: '$grey.zip' colour: GREY }", kSplit));
  ASSERT_TRUE(data.ok()) << data.status();
  EXPECT_EQ(data->images->channels, 1);
  EXPECT_EQ(data->classes[0].texts[0], "\1\2\3\4");
  EXPECT_EQ(data->classes[1].texts[0], std::string(4, 7));
}

TEST(ImageFolderTest, BadFilesAreNamed) {
  const auto error = [](const std::string& folder, const std::string& more = "") {
    return Exported(absl::StrCat("image_folder { path: '$", folder, "' ", more, " }", kSplit));
  };
  std::string noise;  // does not compress, so that half of the file has half of the pixels
  for (int i = 0; i < 3 * 64 * 64; ++i) {
    noise.push_back(static_cast<char>(std::rand()));  // NOLINT: any numbers will do
  }
  const std::string png = Png(64, 64, 3, noise);
  const std::string jpeg = Jpeg(64, 64, 10, 200, 30, false);
  Write("cut-png/cat/1.png", png.substr(0, png.size() / 2));
  EXPECT_THAT(error("cut-png"), HasSubstr("cut-png/cat/1.png: a damaged or truncated PNG file: "));
  Write("head-png/cat/1.png", png.substr(0, 20));
  EXPECT_THAT(error("head-png"), HasSubstr("head-png/cat/1.png: a damaged PNG file: "));
  Write("cut-jpeg/cat/1.jpg", jpeg.substr(0, jpeg.size() - 40));
  EXPECT_THAT(error("cut-jpeg"), HasSubstr("cut-jpeg/cat/1.jpg: a damaged or truncated JPEG file: "));
  Write("gif/cat/1.png", "GIF89a");
  EXPECT_EQ(error("gif"), "gif/cat/1.png: neither a PNG nor a JPEG file, whatever its name is");
  Write("empty/cat/1.png", "");
  EXPECT_EQ(error("empty"), "empty/cat/1.png: the file is empty");
  Write("colour/cat/1.jpg", jpeg);
  EXPECT_EQ(error("colour", "colour: GREY"),
            "colour/cat/1.jpg: the image is in colour; set dataset.image_folder.colour to COLOUR");
  Write("wide/cat/1.png", Png(1025, 1, 1, std::string(1025, '\0')));
  EXPECT_EQ(error("wide"),
            "wide/cat/1.png: 1025 x 1 pixels; an image may have at most 1024 x 1024, so make it smaller");
  Write("sizes/cat/1.png", png);
  Write("sizes/dog/1.jpg", Jpeg(32, 64, 1, 2, 3, false));
  EXPECT_EQ(error("sizes"),
            "sizes/dog/1.jpg: 32 x 64 pixels, and sizes/cat/1.png has 64 x 64; make all images one size, for example "
            "with ImageMagick: mogrify -resize '64x64!' FILES");
  Write("loose/1.png", png);
  EXPECT_EQ(error("loose"), "loose/1.png: put the image in a folder with the name of its class");
  Write("none/cat/readme.txt", "");
  EXPECT_THAT(error("none"), HasSubstr("none (CLASS/*.png, *.jpg)"));
}

}  // namespace
}  // namespace metaprompt

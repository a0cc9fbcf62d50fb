#include "datasets/sources/images/image_folder.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "datasets/readers/bad_lines.h"
#include "datasets/readers/images/image_file.h"
#include "datasets/readers/source_files.h"
#include "metaprompt/base/status_macros.h"

namespace metaprompt {
namespace {

constexpr int64_t kMostFileBytes = int64_t{64} << 20;
constexpr int64_t kMostBytes = int64_t{1} << 30;  // of all decoded images

// Files whose names begin with a dot are hidden; macOS puts such files beside images in archives.
bool IsImage(absl::string_view name) {
  if (absl::StartsWith(WithoutFolders(name), ".")) {
    return false;
  }
  return absl::EndsWithIgnoreCase(name, ".png") || absl::EndsWithIgnoreCase(name, ".jpg") ||
         absl::EndsWithIgnoreCase(name, ".jpeg");
}

// The name of the folder that holds the file; empty if none does.
std::string FolderOf(const std::string& file) {
  const std::vector<std::string> parts = absl::StrSplit(file, '/', absl::SkipEmpty());
  const std::string folder = parts.size() < 2 ? "" : parts[parts.size() - 2];
  return folder == "." ? "" : folder;
}

std::string SizeText(const ImageShape& shape) { return absl::StrCat(shape.width, " x ", shape.height); }

}  // namespace

absl::StatusOr<Imported> LoadImageFolder(const ImageFolderSource& source, const ImportOptions& options) {
  const int64_t channels = source.colour() == ImageFolderSource::GREY ? 1 : 3;
  Imported imported;
  std::string first;  // the name of the first image
  RETURN_IF_ERROR(
      ForEachFile(source.path(), kMostFileBytes, IsImage, [&](const std::string& name, const std::string& contents) {
        const std::string where = absl::StrCat(source.path(), "/", name);
        const std::string label = FolderOf(name);
        if (label.empty()) {
          return absl::InvalidArgumentError(
              absl::StrCat(where, ": put the image in a folder with the name of its class"));
        }
        absl::StatusOr<DecodedImage> image = DecodeImage(contents, channels, where);
        RETURN_IF_ERROR(image.status());
        if (!imported.images.has_value()) {
          imported.images = image->shape;
          first = where;
        }
        const ImageShape& shape = *imported.images;
        if (image->shape.height != shape.height || image->shape.width != shape.width) {
          return absl::InvalidArgumentError(
              absl::StrCat(where, ": ", SizeText(image->shape), " pixels, and ", first, " has ", SizeText(shape),
                           "; make all images one size, for example with ImageMagick: mogrify -resize '", shape.width,
                           "x", shape.height, "!' FILES"));
        }
        if ((imported.records + 1) * shape.bytes() > kMostBytes) {
          return absl::ResourceExhaustedError(absl::StrCat(source.path(), ": more than ", kMostBytes / shape.bytes(),
                                                           " images of ", SizeText(shape),
                                                           " pixels take more than 1 GiB; make them smaller"));
        }
        imported.Add(label, std::move(image->bytes));
        return absl::OkStatus();
      }));
  RETURN_IF_ERROR(imported.Finish(BadLines(), options, absl::StrCat(source.path(), " (CLASS/*.png, *.jpg)")));
  return imported;
}

}  // namespace metaprompt

// Images on a web page that needs no other file.
#ifndef EXPERIMENTS_COMMANDS_IMAGE_PAGE_H_
#define EXPERIMENTS_COMMANDS_IMAGE_PAGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "datasets/image_shape.h"

namespace metaprompt {

// A class of a task, with the bytes of its images.
struct PageRow {
  std::string name;
  std::vector<std::string> support;
  std::vector<std::string> query;
};

// A table: a row per class, with its name, its support images and its query images. Each image is shown at twice its
// size. `title` is above the table.
std::string ImagePage(absl::string_view title, const ImageShape& shape, const std::vector<PageRow>& rows);

// The image as a file in the format BMP, which all browsers show.
std::string BmpFile(const ImageShape& shape, absl::string_view image);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_IMAGE_PAGE_H_

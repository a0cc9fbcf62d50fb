// A web page of images that needs no other file.
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

// A page with `title` and a table: one row per class, with its name, its support images and its query images. Each
// image is shown at twice its size.
std::string ImagePage(absl::string_view title, const ImageShape& shape, const std::vector<PageRow>& rows);

}  // namespace metaprompt

#endif  // EXPERIMENTS_COMMANDS_IMAGE_PAGE_H_

#include "experiments/commands/image_page.h"

#include <cstddef>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/html_text.h"

namespace metaprompt {
namespace {

// Appends the lowest `bytes` bytes of a number, the lowest first.
void Append(int64_t number, int bytes, std::string* file) {
  for (int i = 0; i < bytes; ++i) {
    file->push_back(static_cast<char>((number >> (8 * i)) & 0xFF));
  }
}

}  // namespace

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

std::string ImagePage(absl::string_view title, const ImageShape& shape, const std::vector<PageRow>& rows) {
  std::string page =
      absl::StrCat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>", HtmlEscaped(title),
                   "</title>\n<style>\nbody { font-family: sans-serif; margin: 2em; }\ntd, th { padding: 4px 12px; "
                   "text-align: left; }\n"
                   "img { image-rendering: pixelated; margin: 1px; }\n</style>\n</head>\n<body>\n<h1>",
                   HtmlEscaped(title), "</h1>\n<table>\n<tr><th>class</th><th>support</th><th>query</th></tr>\n");
  const auto cell = [&](const std::vector<std::string>& images) {
    absl::StrAppend(&page, "<td>");
    for (const std::string& image : images) {
      absl::StrAppend(&page, "<img alt=\"\" width=\"", 2 * shape.width, "\" height=\"", 2 * shape.height,
                      "\" src=\"data:image/bmp;base64,", absl::Base64Escape(BmpFile(shape, image)), "\">");
    }
    absl::StrAppend(&page, "</td>");
  };
  for (const PageRow& row : rows) {
    absl::StrAppend(&page, "<tr><td>", HtmlEscaped(row.name), "</td>");
    cell(row.support);
    cell(row.query);
    absl::StrAppend(&page, "</tr>\n");
  }
  return page + "</table>\n</body>\n</html>\n";
}

}  // namespace metaprompt

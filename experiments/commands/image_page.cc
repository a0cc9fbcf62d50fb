#include "experiments/commands/image_page.h"

#include "absl/strings/str_cat.h"
#include "experiments/image_html.h"
#include "metaprompt/base/html_text.h"

namespace metaprompt {

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
      page += ImageHtml(shape, image, /*scale=*/2);
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

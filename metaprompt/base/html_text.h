// Escapes text for HTML.
#ifndef METAPROMPT_BASE_HTML_TEXT_H_
#define METAPROMPT_BASE_HTML_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

// `text` on one line, with HTML's special characters escaped. It may be used in quoted attributes too.
std::string HtmlEscaped(absl::string_view text);

// The same for the text of an element, which a browser may break after each underscore.
std::string HtmlBreakable(absl::string_view text);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_HTML_TEXT_H_

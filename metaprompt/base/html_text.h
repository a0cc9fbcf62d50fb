// Text within HTML.
#ifndef METAPROMPT_BASE_HTML_TEXT_H_
#define METAPROMPT_BASE_HTML_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace metaprompt {

// `text` on one line, with the characters that mean something in HTML escaped, also for a quoted attribute.
std::string HtmlEscaped(absl::string_view text);

// The same for an element's text, which may be broken across lines after each underscore.
std::string HtmlBreakable(absl::string_view text);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_HTML_TEXT_H_

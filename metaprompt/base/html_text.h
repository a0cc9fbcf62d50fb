// Text within HTML.
#ifndef EXPERIMENTS_REPORT_FORMATS_HTML_TEXT_H_
#define EXPERIMENTS_REPORT_FORMATS_HTML_TEXT_H_

#include <string>

namespace metaprompt {

// `text` on one line, with the characters that mean something in HTML escaped, also for a quoted attribute.
std::string HtmlEscaped(const std::string& text);

// The same for an element's text, which may be broken across lines after each underscore.
std::string HtmlBreakable(const std::string& text);

}  // namespace metaprompt

#endif  // EXPERIMENTS_REPORT_FORMATS_HTML_TEXT_H_

#include "experiments/report/formats/html_text.h"

#include "absl/strings/str_replace.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

std::string HtmlEscaped(const std::string& text) {
  return absl::StrReplaceAll(OneLine(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string HtmlBreakable(const std::string& text) { return absl::StrReplaceAll(HtmlEscaped(text), {{"_", "_<wbr>"}}); }

}  // namespace metaprompt

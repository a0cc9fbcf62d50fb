#include "metaprompt/base/html_text.h"

#include "absl/strings/str_replace.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

std::string HtmlEscaped(absl::string_view text) {
  return absl::StrReplaceAll(OneLine(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string HtmlBreakable(absl::string_view text) { return absl::StrReplaceAll(HtmlEscaped(text), {{"_", "_<wbr>"}}); }

}  // namespace metaprompt

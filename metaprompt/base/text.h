// Text as bytes: whether it is UTF-8, and how an error message shows it.
#ifndef METAPROMPT_BASE_TEXT_H_
#define METAPROMPT_BASE_TEXT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// OK, or an error with the byte offset of the first byte that is not valid UTF-8 (RFC 3629).
absl::Status CheckUtf8(absl::string_view text);

// `text` for an error message: at most 40 bytes, quoted, control characters escaped.
std::string Quoted(absl::string_view text);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_TEXT_H_

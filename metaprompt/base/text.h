// Text as bytes and as columns of a terminal.
#ifndef METAPROMPT_BASE_TEXT_H_
#define METAPROMPT_BASE_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// OK if `text` is valid UTF-8 (RFC 3629). Otherwise the error gives the position, from 1, of the first byte of the
// first character that is not.
absl::Status CheckUtf8(absl::string_view text);

// How many columns `text` takes on a terminal: two for each wide character of East Asia (Unicode Standard Annex 11),
// none for combining marks, control characters and other invisible ones, and one for all others. Bytes that are not
// valid UTF-8 take one column per ill-formed sequence.
size_t DisplayWidth(absl::string_view text);

enum class Align { kLeft, kRight };

// `text` with blanks up to `width` columns; a wider text is returned unchanged. `align` is the side on which it stands.
std::string Padded(absl::string_view text, size_t width, Align align);

// `text` for an error message: in quotes, at most 40 characters. Control characters, other invisible ones and bytes
// that are not UTF-8 are escaped.
std::string Quoted(absl::string_view text);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_TEXT_H_

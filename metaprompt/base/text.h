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

// Whether a terminal and a file of columns show `text` as it is: valid UTF-8 without control characters (U+0000 to
// U+001F, U+007F to U+009F).
bool IsPrintable(absl::string_view text);

// `text` as a line that IsPrintable: a blank for each control character. If `text` is not valid UTF-8, a ? for each
// byte that is not ASCII.
std::string OneLine(absl::string_view text);

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

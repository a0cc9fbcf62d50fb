// Checks and prepares text for files, terminals and error messages.
#ifndef METAPROMPT_BASE_TEXT_H_
#define METAPROMPT_BASE_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// OK if `text` is valid UTF-8 (RFC 3629). Otherwise the error gives the position of the first invalid byte sequence, in
// bytes from 1.
absl::Status CheckUtf8(absl::string_view text);

// Whether `text` can be printed on a terminal or in a column of a file without changes: it is valid UTF-8 without
// control characters (U+0000 to U+001F, U+007F to U+009F).
bool IsPrintable(absl::string_view text);

// `text` as a line that IsPrintable, with a blank for each control character. If `text` is not valid UTF-8, there is a
// ? for each byte that is not ASCII.
std::string OneLine(absl::string_view text);

// The number of columns that `text` takes on a terminal: two for each wide East Asian character (Unicode Standard Annex
// 11), none for combining marks, control characters and other invisible characters, and one for all others. An invalid
// byte sequence takes one column.
size_t DisplayWidth(absl::string_view text);

enum class Align { kLeft, kRight };

// `text`, padded with blanks to `width` columns. A wider text is returned unchanged. `align` is the side of the text.
std::string Padded(absl::string_view text, size_t width, Align align);

// `text` for an error message: in quotes, and at most 40 characters. Control characters, other invisible characters and
// bytes that are not UTF-8 are escaped.
std::string Quoted(absl::string_view text);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_TEXT_H_

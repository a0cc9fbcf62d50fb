// Guesses why a file cannot be read, from its first bytes.
#ifndef METAPROMPT_BASE_LIKELY_CAUSE_H_
#define METAPROMPT_BASE_LIKELY_CAUSE_H_

#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// What a file that begins with these bytes is, and what to do about it: a pointer of git-lfs, an HTML page, an Excel
// workbook, UTF-16, a JSON array, or lines that end with CR alone. Empty: none of these.
std::string LikelyCause(absl::string_view beginning);

// `error`, which occurred when `path` was read, with the likely cause on a second line. For a file that begins with the
// byte-order mark of UTF-16 the cause alone, because the bytes that the error quotes are no text. If no cause is found,
// or the path is not a regular file, returns the error unchanged.
absl::Status WithLikelyCause(const absl::Status& error, const std::string& path);

// The same. If LikelyCause finds nothing, asks `more`, to which it gives the first 4096 bytes of the file.
absl::Status WithLikelyCause(const absl::Status& error, const std::string& path,
                             absl::FunctionRef<std::string(absl::string_view beginning)> more);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_LIKELY_CAUSE_H_

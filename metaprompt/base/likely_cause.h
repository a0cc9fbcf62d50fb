// Guesses why a file cannot be read, from its first bytes.
#ifndef METAPROMPT_BASE_LIKELY_CAUSE_H_
#define METAPROMPT_BASE_LIKELY_CAUSE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// What a file that begins with these bytes is, and what to do about it: a pointer of git-lfs, an HTML page, an Excel
// workbook, UTF-16, a JSON array, or lines that end with CR alone. Empty: none of these.
std::string LikelyCause(absl::string_view beginning);

// `error`, which occurred when `path` was read, with the likely cause on a second line. If no cause is found, or the
// path is not a regular file, returns the error unchanged.
absl::Status WithLikelyCause(const absl::Status& error, const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_LIKELY_CAUSE_H_

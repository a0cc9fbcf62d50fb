// Guesses why a file cannot be read: what it is, if it is not what was expected.
#ifndef METAPROMPT_BASE_LIKELY_CAUSE_H_
#define METAPROMPT_BASE_LIKELY_CAUSE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// What a file that begins with these bytes is, and what to do about it: a pointer of git-lfs, an HTML page, an Excel
// workbook, UTF-16, a JSON array, or lines that end with CR alone. Empty: none of these.
std::string LikelyCause(absl::string_view beginning);

// `error`, of reading `path`, with the likely cause on a line of its own. The same error if the first bytes of the file
// tell nothing, or if it is not a regular file.
absl::Status WithLikelyCause(const absl::Status& error, const std::string& path);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_LIKELY_CAUSE_H_

#include "experiments/commands/text_lines.h"

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

absl::StatusOr<bool> TextLines::Next(std::string* line) {
  errno = 0;
  if (!std::getline(*in_, *line)) {
    return in_->bad() ? absl::StatusOr<bool>(absl::UnavailableError(
                            absl::StrCat(name_, ": ", errno == 0 ? "cannot be read" : std::strerror(errno))))
                      : false;
  }
  ++number_;
  const absl::Status status = CheckUtf8(*line);
  if (number_ == 1 && (!status.ok() || absl::StrContains(*line, '\0'))) {
    if (const std::string cause = LikelyCause(*line); !cause.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(name_, ": ", cause));
    }
  }
  if (!status.ok()) {
    return Error(status.message());
  }
  if (number_ == 1 && absl::StartsWith(*line, "\xef\xbb\xbf")) {
    line->erase(0, 3);
  }
  return true;
}

absl::Status TextLines::Error(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(name_, ":", number_, ": ", what));
}

}  // namespace metaprompt

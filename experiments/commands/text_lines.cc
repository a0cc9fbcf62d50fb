#include "experiments/commands/text_lines.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "datasets/readers/lines.h"
#include "metaprompt/base/likely_cause.h"
#include "metaprompt/base/status_macros.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

absl::StatusOr<bool> TextLines::Next(std::string* line) {
  ASSIGN_OR_RETURN(const bool more, ReadStreamLine(in_, name_, /*first=*/number_ == 0, line));
  if (!more) {
    return false;
  }
  ++number_;
  const absl::Status status = CheckUtf8(*line);
  if (number_ == 1 && (!status.ok() || absl::StrContains(*line, '\0'))) {
    if (const std::string cause = LikelyCause(*line); !cause.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(name_, ": ", cause));
    }
  }
  return status.ok() ? absl::StatusOr<bool>(true) : Error(status.message());
}

absl::Status TextLines::Error(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(name_, ":", number_, ": ", what));
}

}  // namespace metaprompt

// How a request of rank 0 went: statuses as messages.
#ifndef EXPERIMENTS_RANKS_OUTCOME_H_
#define EXPERIMENTS_RANKS_OUTCOME_H_

#include <c10/util/Exception.h>

#include <exception>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "experiments/ranks/ranks.pb.h"
#include "metaprompt/base/text.h"

namespace metaprompt {

// Calls a function that returns a status and may throw. An exception becomes an error.
template <typename Call>
absl::Status WithoutExceptions(Call call) {
  try {
    return call();
  } catch (const c10::Error& error) {
    return absl::InternalError(absl::StrCat("internal error: ", OneLine(error.what_without_backtrace())));
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("internal error: ", OneLine(error.what())));
  }
}

inline void SetOutcome(const absl::Status& status, Outcome* outcome) {
  outcome->set_code(static_cast<int>(status.code()));
  outcome->set_message(std::string(status.message()));
}

// The status that a rank sent. The text of an error names the rank.
inline absl::Status StatusOf(int rank, const Outcome& outcome) {
  const auto code = static_cast<absl::StatusCode>(outcome.code());
  if (code == absl::StatusCode::kOk || code == absl::StatusCode::kCancelled) {
    return absl::Status(code, outcome.message());
  }
  return absl::Status(code, absl::StrCat("rank ", rank, ": ", outcome.message()));
}

}  // namespace metaprompt

#endif  // EXPERIMENTS_RANKS_OUTCOME_H_

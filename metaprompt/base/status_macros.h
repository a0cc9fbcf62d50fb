// Macros that return an error to the caller.
#ifndef METAPROMPT_BASE_STATUS_MACROS_H_
#define METAPROMPT_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace metaprompt::status_macros {

inline absl::Status StatusOf(absl::Status status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& value) {
  return value.status();
}

}  // namespace metaprompt::status_macros

// RETURN_IF_ERROR(expression): if the absl::Status or absl::StatusOr is an error, the function returns this error.
#define RETURN_IF_ERROR(...)                                                                                      \
  do {                                                                                                            \
    if (absl::Status status_of_macro = metaprompt::status_macros::StatusOf(__VA_ARGS__); !status_of_macro.ok()) { \
      return status_of_macro;                                                                                     \
    }                                                                                                             \
  } while (false)

// ASSIGN_OR_RETURN(left, expression): if the absl::StatusOr is an error, the function returns this error. Otherwise its
// value is moved to `left`, which may be a declaration, as in ASSIGN_OR_RETURN(const std::string text, ReadFile(path)).
// A type that contains a comma needs parentheses or an alias.
#define ASSIGN_OR_RETURN(left, ...) METAPROMPT_ASSIGN_OR_RETURN(METAPROMPT_UNIQUE(result_), left, __VA_ARGS__)

#define METAPROMPT_ASSIGN_OR_RETURN(result, left, ...) \
  auto result = (__VA_ARGS__);                         \
  if (!result.ok()) {                                  \
    return std::move(result).status();                 \
  }                                                    \
  left = *std::move(result)

#define METAPROMPT_UNIQUE(name) METAPROMPT_JOIN(name, __LINE__)
#define METAPROMPT_JOIN(a, b) METAPROMPT_JOIN_AGAIN(a, b)
#define METAPROMPT_JOIN_AGAIN(a, b) a##b

#endif  // METAPROMPT_BASE_STATUS_MACROS_H_

// The error of a result as text, for comparison.
#ifndef TESTS_HELPERS_STATUS_ERROR_H_
#define TESTS_HELPERS_STATUS_ERROR_H_

#include <string>

#include "absl/status/statusor.h"

namespace metaprompt {

template <typename T>
std::string Error(const absl::StatusOr<T>& result) {
  return result.ok() ? "no error" : std::string(result.status().message());
}

}  // namespace metaprompt

#endif  // TESTS_HELPERS_STATUS_ERROR_H_

// JSON files of others, read strictly.
#ifndef METAPROMPT_BASE_JSON_H_
#define METAPROMPT_BASE_JSON_H_

#include <nlohmann/json_fwd.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// RFC 8259, and no key twice in one object. The error names `name` and, where the syntax is wrong, line and column.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, absl::string_view name);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_JSON_H_

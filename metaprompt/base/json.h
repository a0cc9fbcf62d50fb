// JSON that somebody else wrote, checked further than the parser does.
#ifndef METAPROMPT_BASE_JSON_H_
#define METAPROMPT_BASE_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// One JSON value and nothing after it. An error, without the file's name: text that is not JSON (or not UTF-8), more
// than `max_depth` arrays and objects inside one another, and an object that holds a key twice.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, int max_depth);

// The same with an error that begins with `name`, the file's.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, absl::string_view name, int max_depth = 32);

// What a value is, for an error message: a number, text or literal as it stands (at most 40 bytes), "an array" or
// "an object".
std::string Shown(const nlohmann::json& value);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_JSON_H_

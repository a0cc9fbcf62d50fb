// Parses JSON from files of unknown origin, with more checks than the JSON library makes.
#ifndef METAPROMPT_BASE_JSON_H_
#define METAPROMPT_BASE_JSON_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Parses one JSON value, with nothing after it. Errors: text that is not JSON or not UTF-8; arrays and objects that are
// nested more than `max_depth` deep; an object with the same key twice. The errors do not name the file.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, int max_depth);

// The same, with errors that begin with `name`, the name of the file.
absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, absl::string_view name, int max_depth = 32);

// A value in an error message: a number, string or literal as JSON (at most 40 bytes), "an array" or "an object".
std::string Shown(const nlohmann::json& value);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_JSON_H_

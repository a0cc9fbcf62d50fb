// A JSON object's text and label, as text classification data have them.
#ifndef DATASETS_READERS_JSON_FIELDS_H_
#define DATASETS_READERS_JSON_FIELDS_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// One JSON object. Errors here and below are reasons, without a file and a line.
absl::StatusOr<nlohmann::json> ParseObject(absl::string_view line);

// The value of a field. The error of a missing one lists those that there are.
absl::StatusOr<const nlohmann::json*> FieldOf(const nlohmann::json& object, const std::string& field);

// A text is a string, or an array of strings (tokens) that blanks join; `max_words` as for CollapseBlanks. It may be
// empty.
absl::StatusOr<std::string> TextIn(const nlohmann::json& value, const std::string& field, int64_t max_words);

// A label is a string, blanks collapsed, or an integer. It is not empty.
absl::StatusOr<std::string> LabelIn(const nlohmann::json& value, const std::string& field);

}  // namespace metaprompt

#endif  // DATASETS_READERS_JSON_FIELDS_H_

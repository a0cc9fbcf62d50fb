// The text and the label of a JSON object, in the forms that text classification data use.
#ifndef DATASETS_READERS_JSON_FIELDS_H_
#define DATASETS_READERS_JSON_FIELDS_H_

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace metaprompt {

// Parses one JSON object. It is an error if it, or an object inside it, has the same field twice. Errors here and below
// give a reason, without file and line.
absl::StatusOr<nlohmann::json> ParseObject(absl::string_view line);

// The value of a field: a pointer into `object`. The error for a missing field lists the fields of the object.
absl::StatusOr<const nlohmann::json*> FieldOf(const nlohmann::json& object, const std::string& field);

// The value of a field as it is written in an object that ParseObject accepts, without blanks around it. Empty: the
// object has no such field.
absl::string_view SourceOf(absl::string_view object, const std::string& field);

// The text is a string, or an array of strings (tokens) that are joined with blanks; `max_words` is as for
// CollapseBlanks. It may be empty.
absl::StatusOr<std::string> TextIn(const nlohmann::json& value, const std::string& field, int64_t max_words);

// The label is an integer, or a string whose blanks are collapsed. An empty label is an error.
absl::StatusOr<std::string> LabelIn(const nlohmann::json& value, const std::string& field);

}  // namespace metaprompt

#endif  // DATASETS_READERS_JSON_FIELDS_H_

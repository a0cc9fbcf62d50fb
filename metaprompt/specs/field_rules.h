// What the `FieldRule` options of a spec's fields are for: checks, defaults, descriptions, and which fields are paths.
#ifndef METAPROMPT_SPECS_FIELD_RULES_H_
#define METAPROMPT_SPECS_FIELD_RULES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// One line per broken rule: `learner.inner.steps is -1; it must be >= 0 and <= 100000`. Empty if no rule is broken.
// `prefix` is put before the names of fields, such as `dataset.` if `spec` is the field `dataset` of a larger spec.
std::vector<std::string> BrokenRules(const google::protobuf::Message& spec, const std::string& prefix = "");

// Sets every unset scalar field to its default, in `spec` and in the messages that are set in it, so that a record
// shows all values. Unset messages stay unset.
void WriteOutDefaults(google::protobuf::Message* spec);

// Appends to `text` the name, type, default, range and meaning of the field `path` and of each field below it; of all
// fields if `path` is empty.
absl::Status DescribeFields(const google::protobuf::Message& spec, absl::string_view path, std::string* text);

// The files and folders that `spec` and the messages in it name, in fields whose rule has is_path. Fields that are not
// set are left out.
std::vector<std::string> PathsIn(const google::protobuf::Message& spec);

}  // namespace metaprompt

#endif  // METAPROMPT_SPECS_FIELD_RULES_H_

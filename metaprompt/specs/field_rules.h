// The uses of the `FieldRule` options of a spec's fields: checks, default values, descriptions and lists of paths.
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

// Sets every unset scalar field of `spec`, and of the messages in it that are set, to its default value, so that a
// record shows all values. Unset messages stay unset.
void WriteOutDefaults(google::protobuf::Message* spec);

// Appends to `text` the name, type, default, range and meaning of the field `path` and of each field below it. If
// `path` is empty, describes all fields.
absl::Status DescribeFields(const google::protobuf::Message& spec, absl::string_view path, std::string* text);

// The paths in `spec` and in the messages in it: the values of the fields whose rule has is_path. Unset fields are left
// out.
std::vector<std::string> PathsIn(const google::protobuf::Message& spec);

}  // namespace metaprompt

#endif  // METAPROMPT_SPECS_FIELD_RULES_H_

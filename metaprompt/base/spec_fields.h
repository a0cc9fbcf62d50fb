// A spec as fields with rules: reading it, changing one field, checking all, describing them. Works on any message
// whose fields carry `FieldRule` options; knows no field by name.
#ifndef METAPROMPT_BASE_SPEC_FIELDS_H_
#define METAPROMPT_BASE_SPEC_FIELDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace metaprompt {

// Parses text format. An error names `name`, line and column: `quick.textproto:7:3: ...`.
absl::Status ParseSpec(absl::string_view text, absl::string_view name, google::protobuf::Message* spec);

// Applies `path=value`, as in `learner.inner.steps=5` or `episodes.shots=1,5`. Messages on the way are created; a
// repeated field is replaced. The error of an unknown name lists the known ones.
absl::Status SetField(absl::string_view assignment, google::protobuf::Message* spec);

// Every broken rule, one line each: `learner.inner.steps is -1; it must be >= 0 and <= 100000`. Empty: all is well.
// `prefix` stands before each field's name: `dataset.`, where `spec` is a part.
std::vector<std::string> BrokenRules(const google::protobuf::Message& spec, const std::string& prefix = "");

// Sets every unset scalar field to its default, in every message that is set or, outside a oneof, that has no required
// part of its own; so that a record shows what was used.
void WriteOutDefaults(google::protobuf::Message* spec);

// A line for the field `path`, or for each field below it (empty: all): name, type, default, range, meaning.
absl::Status DescribeFields(const google::protobuf::Message& spec, absl::string_view path, std::string* text);

// Text format with fields in the order of their numbers.
std::string SpecText(const google::protobuf::Message& spec);

}  // namespace metaprompt

#endif  // METAPROMPT_BASE_SPEC_FIELDS_H_
